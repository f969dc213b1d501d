import PharosDomain

/// An operation on its way to the store's thread, and who wants to know.
struct Submission {
    /// nil: there was no room for it. Its refusal keeps its position in the order.
    let operation: StreamOperation?
    let ticket: UInt64
    let receiver: any StreamReceiver
}

/// One submitter's part of a batch, in order.
struct CompletionGroups {
    private var groups: [(receiver: any StreamReceiver, completions: [StreamCompletion])] = []

    mutating func add(_ result: Result<StreamOutcome, ReplyError>, for submission: borrowing Submission) {
        let completion = StreamCompletion(ticket: submission.ticket, result: result)
        // There are as many receivers as shards: looking through them is faster than hashing.
        for index in groups.indices where groups[index].receiver === submission.receiver {
            groups[index].completions.append(completion)
            return
        }
        groups.append((submission.receiver, [completion]))
    }

    consuming func tell() {
        for group in groups { group.receiver.completed(group.completions) }
    }
}
