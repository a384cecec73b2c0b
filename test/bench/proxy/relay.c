/*
 * The peer whose CPU time a byte is ours to beat: a relay as AWS's vsock-proxy is designed, over TCP. A pool of
 * threads with a queue, one pair of sockets a thread; wait until one of them is readable, read at most 8 KiB, write
 * it all, blocking; the end of one side ends both. poll(2) in place of its select(2), which knows no descriptor
 * above 1023.
 *
 *   relay LISTEN_PORT UPSTREAM_PORT THREADS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 8192, QUEUE = 8192 };

static int queue[QUEUE];
static unsigned head, tail;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct sockaddr_in upstream_address;

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static bool pass(int from, int to, char *buffer) {
  ssize_t size = read(from, buffer, BUFFER);
  for (ssize_t written = 0; written < size;) {
    ssize_t part = write(to, buffer + written, (size_t)(size - written));
    if (part <= 0) return false;
    written += part;
  }
  return size > 0;
}

static void relay(int client, int upstream) {
  char buffer[BUFFER];
  struct pollfd sockets[] = {{.fd = client, .events = POLLIN}, {.fd = upstream, .events = POLLIN}};
  while (poll(sockets, 2, -1) > 0) {
    if (sockets[0].revents != 0 && !pass(client, upstream, buffer)) return;
    if (sockets[1].revents != 0 && !pass(upstream, client, buffer)) return;
  }
}

static void *work(void *unused) {
  for (;;) {
    pthread_mutex_lock(&lock);
    while (head == tail) pthread_cond_wait(&filled, &lock);
    int client = queue[tail++ % QUEUE];
    pthread_mutex_unlock(&lock);
    int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(upstream, (struct sockaddr *)&upstream_address, sizeof upstream_address) == 0) relay(client, upstream);
    close(upstream);
    close(client);
  }
  return unused;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  int on = 1, threads = atoi(arguments[3]);
  struct sockaddr_in address = loopback(atoi(arguments[1]));
  upstream_address = loopback(atoi(arguments[2]));
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1) die("bind");
  if (listen(listener, 4096) == -1) die("listen");
  for (int index = 0; index < threads; index++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) die("pthread_create");
  }
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client == -1) die("accept");
    pthread_mutex_lock(&lock);
    queue[head++ % QUEUE] = client;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&lock);
  }
}
