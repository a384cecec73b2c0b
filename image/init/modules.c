/* Drivers that are not built into the kernel: vsock and its bus for some kernels, the Nitro Secure Module for most. */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char FOLDER[] = "/modules";
static const char NSM[] = "/nsm.ko";

static void insert(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd == -1) die("cannot open %s", path);
  if (syscall(SYS_finit_module, fd, "", 0) == -1 && errno != EEXIST) die("cannot insert %s", path);
  close(fd);
  /* The ramdisk's memory is the enclave's. */
  unlink(path);
}

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void insert_all(const char *folder) {
  struct dirent **entries;
  /* No locale is set, so alphasort() compares bytes. */
  int count = scandir(folder, &entries, visible, alphasort);
  if (count == -1 && errno == ENOENT) return;
  if (count == -1) die("cannot read %s", folder);
  for (int index = 0; index < count; index++) {
    char path[sizeof FOLDER + sizeof entries[index]->d_name];
    snprintf(path, sizeof path, "%s/%s", folder, entries[index]->d_name);
    insert(path);
    free(entries[index]);
  }
  free(entries);
}

void insert_modules(void) {
  insert_all(FOLDER);
  /* A kernel may have it built in. */
  if (access(NSM, F_OK) == 0) insert(NSM);
  if (access("/dev/nsm", F_OK) == -1) say("no /dev/nsm: this enclave cannot be attested");
}
