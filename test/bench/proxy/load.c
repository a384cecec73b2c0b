/*
 * The load of the relay benchmark: clients and origin server in one thread, so that only the relay's work differs
 * between two runs. Reads commands from standard input, a line each, and answers each with one line.
 *
 *   load ORIGIN_PORT
 *   open PORT N           N connections through the relay at PORT; "direct" is the origin's own port
 *   bulk DIRECTION BYTES  up, down or both over all open connections; BYTES each way: seconds
 *   echo COUNT N SIZE     requests and answers of SIZE bytes, N under way at a time: seconds, p50 and p99 in microseconds
 *   beside COUNT N SIZE   the same while one more connection carries as many bytes down as it can
 *   connect PORT COUNT N  COUNT times connect, SIZE bytes there and back, end; N at a time: seconds
 *   close                 ends all connections
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, STREAM_CHUNK = 64 * 1024, DISCARD = 1024 * 1024, MAX_FD = 65536, MAX_EVENTS = 256, CONNECT_SIZE = 1024 };
enum side { NONE, CLIENT, ORIGIN };

struct peer {
  enum side side;
  /* Bytes of the message that is arriving. */
  size_t got;
  /* In a connect run: it has sent its request. */
  bool connected;
  /* For its answer. */
  bool waiting;
  double began;
};

static struct peer peers[MAX_FD];
static int clients[MAX_FD];
static int poll_fd, listen_fd, client_count, origin_count;
static char chunk[CHUNK];
static struct epoll_event events[MAX_EVENTS];

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(int fd, uint32_t wanted, int operation) {
  struct epoll_event event = {.events = wanted, .data.fd = fd};
  if (epoll_ctl(poll_fd, operation, fd, &event) == -1) die("epoll_ctl");
}

static void add(int fd, enum side side, uint32_t wanted) {
  int on = 1;
  if (fd >= MAX_FD) die("too many descriptors");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  peers[fd] = (struct peer){.side = side};
  if (side == ORIGIN) origin_count++;
  watch(fd, wanted, EPOLL_CTL_ADD);
}

static void drop(int fd) {
  if (peers[fd].side == ORIGIN) origin_count--;
  peers[fd].side = NONE;
  close(fd);
}

static void accept_all(void) {
  int fd;
  while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) add(fd, ORIGIN, EPOLLIN);
}

static int dial(int port) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd == -1) die("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1 && errno != EINPROGRESS) die("connect");
  return fd;
}

static int wait_events(int timeout) {
  int count = epoll_wait(poll_fd, events, MAX_EVENTS, timeout);
  if (count == -1 && errno != EINTR) die("epoll_wait");
  return count == -1 ? 0 : count;
}

/* Small messages fit into any socket buffer. */
static void send_message(int fd, size_t size) {
  if (send(fd, chunk, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
}

/* Throws away what has come, without copying it (tcp(7), MSG_TRUNC): bytes, 0 at the end, -1 if there is none. */
static ssize_t discard(int fd) {
  ssize_t size = recv(fd, NULL, DISCARD, MSG_TRUNC);
  if (size == -1 && errno != EAGAIN) die("recv");
  return size;
}

static void open_connections(int port, int count) {
  double deadline = now() + 60;
  int wanted = origin_count + count;
  for (int index = 0; index < count; index++) {
    int fd = dial(port);
    add(fd, CLIENT, EPOLLOUT);
    clients[client_count++] = fd;
    /* A few at a time: none of the peers' backlogs is to decide. */
    for (bool connected = false; !connected || origin_count < wanted - count + index + 1 - 32;) {
      int ready = wait_events(1000);
      for (int event = 0; event < ready; event++) {
        if (events[event].data.fd == listen_fd) accept_all();
        else if (events[event].data.fd == fd) {
          int cause = 0;
          socklen_t length = sizeof cause;
          getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &length);
          errno = cause;
          if (cause != 0) die("connect");
          connected = true;
          watch(fd, EPOLLIN, EPOLL_CTL_MOD);
        }
      }
      if (now() > deadline) die("no connections within 60 s");
    }
  }
  while (origin_count < wanted) {
    if (wait_events(1000) > 0) accept_all();
    if (now() > deadline) die("no connections within 60 s");
  }
  printf("%d\n", client_count);
}

static void bulk(const char *direction, int64_t bytes) {
  bool up = strcmp(direction, "down") != 0, down = strcmp(direction, "up") != 0;
  int64_t unsent[] = {[CLIENT] = up ? bytes : 0, [ORIGIN] = down ? bytes : 0};
  int64_t missing = unsent[CLIENT] + unsent[ORIGIN];
  double began = now();
  for (int fd = 0; fd < MAX_FD; fd++)
    if (peers[fd].side != NONE && unsent[peers[fd].side] > 0) watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  while (missing > 0) {
    int ready = wait_events(10000);
    if (ready == 0) die("stalled");
    for (int index = 0; index < ready; index++) {
      int fd = events[index].data.fd;
      int64_t *left = &unsent[peers[fd].side];
      if (events[index].events & EPOLLIN) {
        ssize_t size = discard(fd);
        if (size == 0) die("a connection ended");
        if (size > 0) missing -= size;
      }
      if ((events[index].events & EPOLLOUT) == 0) continue;
      if (*left > 0) {
        ssize_t size = send(fd, chunk, *left < CHUNK ? (size_t)*left : CHUNK, MSG_NOSIGNAL);
        if (size == -1 && errno != EAGAIN) die("send");
        if (size > 0) *left -= size;
      }
      if (*left == 0) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    }
  }
  printf("%.6f\n", now() - began);
  for (int fd = 0; fd < MAX_FD; fd++)
    if (peers[fd].side != NONE) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The origin's end of a client's connection. */
static int partner_of(int client) {
  send_message(client, 1);
  for (double deadline = now() + 10; now() < deadline;) {
    int ready = wait_events(1000);
    for (int index = 0; index < ready; index++) {
      int fd = events[index].data.fd;
      if (peers[fd].side == ORIGIN && discard(fd) == 1) return fd;
    }
  }
  die("no partner");
  return -1;
}

/* Busy waiting: this thread's own wake-ups are no part of the answer. */
static void echo(int count, int concurrent, size_t size, bool beside) {
  double *taken = calloc((size_t)count, sizeof *taken), began = now();
  int sent = 0, done = 0, next = 0;
  int reader = beside ? clients[0] : -1, writer = beside ? partner_of(reader) : -1;
  if (taken == NULL) die("calloc");
  if (beside) {
    peers[reader].waiting = true;
    watch(writer, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  while (done < count) {
    for (; sent < count && sent - done < concurrent; sent++) {
      while (peers[clients[next]].waiting) next = (next + 1) % client_count;
      peers[clients[next]].waiting = true;
      peers[clients[next]].began = now();
      send_message(clients[next], size);
      next = (next + 1) % client_count;
    }
    int ready = wait_events(0);
    for (int index = 0; index < ready; index++) {
      int fd = events[index].data.fd;
      if (fd == writer && send(fd, chunk, STREAM_CHUNK, MSG_NOSIGNAL) == -1 && errno != EAGAIN) die("send");
      if (fd == writer) continue;
      ssize_t got = discard(fd);
      if (got == 0) die("a connection ended");
      if (got < 0 || fd == reader) continue;
      peers[fd].got += (size_t)got;
      if (peers[fd].got < size) continue;
      peers[fd].got = 0;
      if (peers[fd].side == ORIGIN) send_message(fd, size);
      else {
        peers[fd].waiting = false;
        taken[done++] = now() - peers[fd].began;
      }
    }
    if (now() - began > 120) die("no answers within 120 s");
  }
  double duration = now() - began;
  qsort(taken, (size_t)count, sizeof *taken, by_size);
  printf("%.6f %.3f %.3f\n", duration, taken[count / 2] * 1e6, taken[(int64_t)count * 99 / 100] * 1e6);
  free(taken);
}

static void connect_many(int port, int count, int concurrent) {
  double began = now();
  int started = 0, done = 0;
  while (done < count) {
    while (started < count && started - done < concurrent) {
      add(dial(port), CLIENT, EPOLLOUT);
      started++;
    }
    int ready = wait_events(10000);
    if (ready == 0) die("stalled");
    for (int index = 0; index < ready; index++) {
      int fd = events[index].data.fd;
      if (fd == listen_fd) {
        accept_all();
        continue;
      }
      struct peer *peer = &peers[fd];
      if (peer->side == CLIENT && !peer->connected) {
        peer->connected = true;
        send_message(fd, CONNECT_SIZE);
        watch(fd, EPOLLIN, EPOLL_CTL_MOD);
        continue;
      }
      ssize_t size = discard(fd);
      if (size == 0) {
        if (peer->side == CLIENT) done++;
        drop(fd);
      } else if (size > 0 && (peer->got += (size_t)size) == CONNECT_SIZE) {
        if (peer->side == ORIGIN) send_message(fd, CONNECT_SIZE);
        else shutdown(fd, SHUT_WR);
      }
    }
  }
  printf("%.6f\n", now() - began);
}

static void close_connections(void) {
  for (int index = 0; index < client_count; index++) drop(clients[index]);
  client_count = 0;
  double deadline = now() + 30;
  while (origin_count > 0) {
    int ready = wait_events(1000);
    for (int index = 0; index < ready; index++) {
      int fd = events[index].data.fd;
      if (fd == listen_fd) accept_all();
      else if (recv(fd, NULL, DISCARD, MSG_TRUNC) <= 0) drop(fd);
    }
    if (now() > deadline) die("connections did not end");
  }
  printf("0\n");
}

int main(int count, char **arguments) {
  int on = 1;
  struct sockaddr_in address = loopback(count == 2 ? atoi(arguments[1]) : 0);
  char line[256], word[16];
  int port, number, concurrent, size;
  long long bytes;
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listen_fd, (struct sockaddr *)&address, sizeof address) == -1) die("bind");
  if (listen(listen_fd, 4096) == -1) die("listen");
  watch(listen_fd, EPOLLIN, EPOLL_CTL_ADD);
  setlinebuf(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "open %d %d", &port, &number) == 2) open_connections(port, number);
    else if (sscanf(line, "bulk %15s %lld", word, &bytes) == 2) bulk(word, bytes);
    else if (sscanf(line, "echo %d %d %d", &number, &concurrent, &size) == 3)
      echo(number, concurrent, (size_t)size, false);
    else if (sscanf(line, "beside %d %d %d", &number, &concurrent, &size) == 3)
      echo(number, concurrent, (size_t)size, true);
    else if (sscanf(line, "connect %d %d %d", &port, &number, &concurrent) == 3) connect_many(port, number, concurrent);
    else if (strcmp(line, "close\n") == 0) close_connections();
    else die("unknown command");
  }
  return 0;
}
