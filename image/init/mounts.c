/* The file systems that the kernel provides: for this program, then for the one that it starts. */
#include "init.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLAIN = MS_NODEV | MS_NOSUID | MS_NOEXEC };

struct file_system {
  const char *type, *target;
  unsigned long flags;
  const char *options;
};

struct link {
  const char *path, *target;
};

static const struct file_system FILE_SYSTEMS[] = {
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, NULL},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666"},
    {"tmpfs", "/dev/shm", PLAIN, "mode=1777"},
    {"proc", "/proc", PLAIN, NULL},
    {"sysfs", "/sys", PLAIN, NULL},
    {"tmpfs", "/run", PLAIN, "mode=0755"},
    {"tmpfs", "/tmp", PLAIN, "mode=1777"},
};

static const struct link LINKS[] = {
    {"/dev/fd", "/proc/self/fd"},
    {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
};

static int mount_one(const struct file_system *one) {
  /* The smallest images lack them. */
  if (mkdir(one->target, 0755) == -1 && errno != EEXIST) return -1;
  return mount(one->type, one->target, one->type, one->flags, one->options);
}

void mount_devices(void) {
  /* Some kernels do it themselves. */
  if (mount_one(&FILE_SYSTEMS[0]) == -1 && errno != EBUSY) die("cannot mount /dev");
}

void enter_root(const char *folder) {
  if (chdir(folder) == -1 || chroot(".") == -1) die("cannot enter %s", folder);
  for (size_t index = 0; index < sizeof FILE_SYSTEMS / sizeof *FILE_SYSTEMS; index++)
    if (mount_one(&FILE_SYSTEMS[index]) == -1) die("cannot mount %s", FILE_SYSTEMS[index].target);
  for (size_t index = 0; index < sizeof LINKS / sizeof *LINKS; index++)
    if (symlink(LINKS[index].target, LINKS[index].path) == -1 && errno != EEXIST)
      die("cannot make %s", LINKS[index].path);
}
