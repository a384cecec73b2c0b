/*
 * The parent's part in the check of an enclave's init: answers heartbeats on vsock port 9000. Arguments: a token that
 * begins its first line, then CID=ANSWER. It listens only when somebody has connected to port 9001.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int listen_on(unsigned port) {
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
  int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd == -1 || bind(fd, (const struct sockaddr *)&address, sizeof address) == -1 || listen(fd, 16) == -1) {
    perror("no vsock");
    exit(1);
  }
  return fd;
}

static const char *answer_for(unsigned cid, char **answers) {
  for (; *answers != NULL; answers++) {
    char *answer;
    if (strtoul(*answers, &answer, 10) == cid && *answer == '=') return answer + 1;
  }
  return "echo";
}

static void answer(int fd, const char *how) {
  uint8_t byte;
  if (read(fd, &byte, 1) != 1) return;
  if (strcmp(how, "wrong") == 0) byte ^= 1;
  if (strcmp(how, "silence") == 0) sleep(30);
  if (strcmp(how, "close") != 0 && write(fd, &byte, 1) != 1) perror("write");
}

int main(int count, char **arguments) {
  if (count < 2) return 1;
  int wish = listen_on(9001);
  printf("%s init\n", arguments[1]);
  fflush(stdout);
  int wisher = accept(wish, NULL, NULL);
  int server = listen_on(9000);
  if (write(wisher, "!", 1) != 1) perror("write");
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    struct sockaddr_vm peer;
    socklen_t length = sizeof peer;
    int fd = accept(server, (struct sockaddr *)&peer, &length);
    if (fd == -1) return 1;
    const char *how = answer_for(peer.svm_cid, arguments + 2);
    printf("heartbeat of %u: %s\n", peer.svm_cid, how);
    fflush(stdout);
    if (fork() == 0) {
      answer(fd, how);
      return 0;
    }
    close(fd);
  }
}
