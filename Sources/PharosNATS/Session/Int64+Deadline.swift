extension Int64 {
    /// The moment `milliseconds` after this one.
    ///
    /// `Int64.max` if that is beyond it.
    func after(_ milliseconds: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(milliseconds)
        return overflow ? .max : sum
    }
}
