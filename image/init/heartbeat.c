/*
 * The sign of life that nitro-cli waits for when it starts an enclave: one byte to the parent instance, which sends it
 * back.
 */
#include "init.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

enum { PARENT_CID = 3, PORT = 9000, HEARTBEAT = 0xb7 };

/* For each step; the kernel's own 2 s for a connection are few on a busy host. */
static const struct timeval PATIENCE = {.tv_sec = 5};

static noreturn void missing(const char *what) {
  if (errno == EAGAIN) errno = ETIMEDOUT;
  die("no heartbeat from vsock CID %d, port %d (kernel option nitro.heartbeat=off does without): %s", PARENT_CID, PORT,
      what);
}

void send_heartbeat(void) {
  uint8_t byte = HEARTBEAT;
  struct sockaddr_vm parent = {.svm_family = AF_VSOCK, .svm_cid = PARENT_CID, .svm_port = PORT};
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd == -1) missing("no vsock");
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &PATIENCE, sizeof PATIENCE);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &PATIENCE, sizeof PATIENCE);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &PATIENCE, sizeof PATIENCE);
  if (connect(fd, (const struct sockaddr *)&parent, sizeof parent) == -1) missing("cannot connect");
  if (write(fd, &byte, 1) != 1) missing("cannot send");
  ssize_t received = read(fd, &byte, 1);
  if (received == -1) missing("no answer");
  errno = 0;
  if (received == 0) missing("closed without an answer");
  if (byte != HEARTBEAT) missing("a wrong answer");
  close(fd);
}
