/* The kernel's command line: part of the image, and of what is measured. */
#include "init.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

bool on_command_line(const char *option) {
  static const char FOLDER[] = "/proc";
  if (mkdir(FOLDER, 0755) == -1 && errno != EEXIST) die("cannot make %s", FOLDER);
  if (mount("proc", FOLDER, "proc", 0, NULL) == -1) die("cannot mount %s", FOLDER);
  char *text = read_text("/proc/cmdline");
  if (text == NULL) die("cannot read /proc/cmdline");
  if (umount(FOLDER) == -1) die("cannot unmount %s", FOLDER);

  bool found = false;
  for (char *word = strtok(text, " \t\n"); word != NULL && !found; word = strtok(NULL, " \t\n"))
    found = strcmp(word, option) == 0;
  free(text);
  return found;
}
