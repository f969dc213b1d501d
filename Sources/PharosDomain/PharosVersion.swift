/// The version of this source tree, as `pharos version`, the connect reply and the metrics say it.
package enum PharosVersion {
    /// Semantic version; the change log has an entry of the same name.
    package static let current = "0.1.0"
}
