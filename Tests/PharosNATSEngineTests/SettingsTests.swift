import PharosLinks
import PharosTestKit
import Testing

@testable import PharosNATSEngine

@Suite struct Placeholder {}
