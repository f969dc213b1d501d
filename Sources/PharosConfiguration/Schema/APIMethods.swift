package import PharosDomain

/// Names of the server API's methods, as `http_api.keys[].methods` may list them.
package enum APIMethods {
    package static let all: [MethodName] = [
        "publish", "broadcast", "batch", "subscribe", "unsubscribe", "disconnect", "refresh", "presence",
        "presence_stats", "history", "history_remove", "channels", "info", "rpc", "send",
        "connections", "snapshot",
    ]
}
