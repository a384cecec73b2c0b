/* What the enclave says, and how it ends. Unless it is in debug mode nobody hears it, and all works the same. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

/* The kernel has opened the one of its ramdisk, if that has one: it need not be the console. */
void open_console(void) {
  int fd = open("/dev/console", O_RDWR | O_NOCTTY);
  /* A kernel may have none at all. */
  if (fd == -1) fd = open("/dev/null", O_RDWR);
  if (fd == -1) die("cannot open /dev/console");
  for (int standard = 0; standard <= 2; standard++)
    if (dup2(fd, standard) == -1) die("cannot open /dev/console as descriptor %d", standard);
  if (fd > 2) close(fd);
}

/* In one write, so that no other process's line falls into it. */
static void print_line(const char *format, va_list arguments, const char *cause) {
  char text[512], line[640];
  vsnprintf(text, sizeof text, format, arguments);
  int length = snprintf(line, sizeof line, "enclave-init: %s%s%.80s\n", text, cause == NULL ? "" : ": ",
                        cause == NULL ? "" : cause);
  /* There is nobody to tell when the console fails. */
  if (write(STDERR_FILENO, line, (size_t)length) == -1) return;
}

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_line(format, arguments, NULL);
  va_end(arguments);
}

noreturn void die(const char *format, ...) {
  const char *cause = errno == 0 ? NULL : strerror(errno);
  va_list arguments;
  va_start(arguments, format);
  print_line(format, arguments, cause);
  va_end(arguments);
  end_enclave();
}

noreturn void end_enclave(void) {
  /* The last line may still be on its way through the serial port. */
  tcdrain(STDERR_FILENO);
  reboot(RB_AUTOBOOT);
  /* Refused: but a kernel stops when its process 1 ends. */
  _exit(1);
}
