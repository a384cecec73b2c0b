{
  "targets": [
    {
      "target_name": "nitro_enclave_sdk",
      "sources": ["addon.c", "vsock.c", "connect.c", "nsm.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags": ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
    }
  ]
}
