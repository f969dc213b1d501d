/// The version of this source tree.
///
/// `pharos version`, the connect reply and the metrics give it. It stands here alone: `scripts/version` reads and changes it.
package enum PharosVersion {
    /// Semantic version; the change log has an entry of the same name.
    package static let current = "0.1.0"
}
