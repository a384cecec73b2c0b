/* 127.0.0.1, for programs that talk to themselves. The kernel gives the interface its address when it comes up. */
#include "init.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  /* An enclave is of use without it. */
  if (fd == -1 || ioctl(fd, SIOCSIFFLAGS, &request) == -1) say("no loopback interface");
  if (fd != -1) close(fd);
}
