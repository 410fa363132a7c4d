{
  "targets": [
    {
      "target_name": "srtp_batch",
      "conditions": [
        [
          "OS=='win'",
          { "type": "none" },
          {
            "sources": ["native/addon.c", "native/lane.c", "native/sender.c", "native/srtp.c", "native/udp.c", "native/worker.c"],
            "defines": ["NAPI_VERSION=8", "OPENSSL_SUPPRESS_DEPRECATED"],
            "cflags": ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
            "xcode_settings": {
              "OTHER_CFLAGS": ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
              "GCC_SYMBOLS_PRIVATE_EXTERN": "YES"
            }
          }
        ]
      ]
    }
  ]
}
