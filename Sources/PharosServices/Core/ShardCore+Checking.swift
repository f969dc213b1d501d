import PharosDomain
import PharosProtocol

/// Publications before they are taken.
extension ShardCore {
    /// Checks that a publication can be delivered and has the demanded form.
    ///
    /// Every subscriber must be able to get it, and its data must be of the form that the namespace demands. All
    /// publications come through here: those of clients, of the server API and of the program around the server.
    func check(
        _ publication: Publication, _ channel: ChannelName, _ options: ChannelOptions
    ) throws(ReplyError) {
        guard PublicationSize.fits(publication, in: channel, limit: node.settings.client.queueMaxSize) else {
            throw .publicationTooLarge
        }
        guard accepts(publication, options) else { throw .badRequest }
    }

    private func accepts(_ publication: Publication, _ options: ChannelOptions) -> Bool {
        var format = options.publicationDataFormat
        if format == .any { format = node.settings.channel.publicationDataFormat }
        switch format {
        case .any, .binary: return true
        case .json: return publication.isJSON
        case .jsonObject:
            let first = publication.data.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
            return publication.isJSON && first == UInt8(ascii: "{")
        }
    }
}
