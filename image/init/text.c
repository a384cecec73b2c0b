/* The small text files of a ramdisk. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of one file: as much again as Linux lets arguments and environment be by default. */
enum { LIMIT = 1 << 20 };

char *read_text(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd == -1 && errno == ENOENT) return NULL;
  if (fd == -1) die("cannot open %s", path);
  char *text = malloc(LIMIT + 1);
  if (text == NULL) die("no memory for %s", path);
  size_t length = 0;
  ssize_t got;
  while (length <= LIMIT && (got = read(fd, text + length, LIMIT + 1 - length)) != 0) {
    if (got == -1) die("cannot read %s", path);
    length += (size_t)got;
  }
  close(fd);
  errno = 0;
  if (length > LIMIT) die("%s is larger than %d bytes", path, LIMIT);
  text[length] = '\0';
  if (strlen(text) != length) die("%s has a NUL byte", path);
  return text;
}

static size_t count_lines(const char *text) {
  size_t count = 1;
  for (; *text != '\0'; text++) count += *text == '\n';
  return count;
}

char **take_lines(const char *path) {
  char *rest = read_text(path);
  if (rest == NULL) return NULL;
  unlink(path);
  char **lines = calloc(count_lines(rest) + 1, sizeof *lines);
  if (lines == NULL) die("no memory for %s", path);
  /* An empty line is an empty entry; what follows the last newline is one only if there is something. */
  for (size_t count = 0; *rest != '\0'; count++) {
    lines[count] = rest;
    rest += strcspn(rest, "\n");
    if (*rest == '\n') *rest++ = '\0';
  }
  return lines;
}
