extension ImportTable {
    private static let tokenKeys = """
        hmac_secret_key hmac_previous_secret_key hmac_previous_secret_key_valid_until rsa_public_key ecdsa_public_key
        jwks_public_endpoint audience audience_regex issuer issuer_regex user_id_claim
        """

    static let client = table(
        kept(
            "client.",
            """
            allowed_origins insecure allow_anonymous_connect_without_token disallow_anonymous_connection_tokens
            user_id_http_header connect_include_server_time ping_interval pong_timeout stale_close_delay
            expired_close_delay expired_sub_close_delay channel_position_check_delay queue_max_size channel_limit
            history_max_publication_limit recovery_max_publication_limit user_connection_limit connection_limit
            connection_rate_limit subscribe_to_user_personal_channel.enabled
            subscribe_to_user_personal_channel.personal_channel_namespace
            subscribe_to_user_personal_channel.single_connection
            """),
        kept("client.token.", tokenKeys),
        kept("client.subscription_token.", "enabled " + tokenKeys),
        notNeeded(
            "client.",
            "token.insecure_skip_jwks_endpoint_safety_check "
                + "subscription_token.insecure_skip_jwks_endpoint_safety_check",
            "addresses of key sets have no variables here, so there is nothing to check"),
        notNeeded("client.", "presence_update_interval", "members live in the node that they are connected to"),
        notNeeded(
            "client.", "concurrency", "up to `hooks.open_questions` questions of one connection are open at a time"),
        absent(
            "client.", "channel_position_max_time_lag", idle: ["0s"],
            nearest: "`client.channel_position_check_delay`: positions are compared, not times"),
        absent(
            "client.", "insecure_skip_token_signature_verify",
            nearest: "for development `client.insecure`; else tokens of `pharos token create`"),
        [
            wholeAbsent(
                "client.connect_code_to_unidirectional_disconnect",
                nearest: "the codes that the application answers to `hooks.connect`"),
            wholeAbsent(
                "client.rate_limit.client_command", nearest: "`client.rate_limit.per_connection`"),
            wholeAbsent("client.rate_limit.user_command", nearest: "`client.rate_limit.per_user`"),
        ])
}
