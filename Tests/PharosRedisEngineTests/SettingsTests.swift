import PharosLinks
import PharosTestKit
import Testing

@testable import PharosRedisEngine

@Suite struct Placeholder {}
