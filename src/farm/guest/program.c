// The farm's program in a Linux guest: runs commands, moves bytes, sets clock and name. Pushed and started before the freeze, it lives on in every clone.
//
// Two virtio-serial ports. The control port carries frames both ways: type, id and payload length, 4 bytes each, little
// endian. The bulk port carries bare bytes; control frames say how many they are and what their XXH64 digest is.
//
// One process, blocked in poll(2) when there is nothing to do, so that a clone that waits costs nothing. It never waits
// for a command or for a disk: each transfer is a child of its own that has the bulk port to itself. It writes to the
// control port without asking whether there is room: the host always reads there, and allows each command so many bytes
// of output ahead. Nothing is allocated; every buffer has its final size.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef RNDRESEEDCRNG
#define RNDRESEEDCRNG _IO('R', 0x07)
#endif

// What the host asks for, and what it is told. frames.ts has the same numbers.
enum { PING = 1, WAKE, EXEC, CREDIT, KILL, PUT, GET, STOP };
enum { DONE = 101, OUTPUT, EXIT, BEGIN };

enum {
  FRAME_MAX = 256 << 10, // from the host; the host may hold less of ours
  WRITE_MAX = 32 << 10,  // the kernel takes so much from one write(2) to a port, wholly or not at all
  CHUNK = 256 << 10,
  SLOTS = 64,
  FIELDS = 4096,
};

typedef struct {
  uint32_t type, id, length;
} Header;

// A command, or what is left of one: a process in the background may go on writing to its output, which is then dropped.
typedef struct {
  enum { FREE, RUNNING, ENDED, LEFT } at;
  uint32_t id;
  pid_t leader;
  unsigned long long since; // start of the leader, in clock ticks since boot
  int output;
  uint32_t credit;
  int status, unread; // ENDED: how, and how much output was written before that
  int killing;
} Command;

typedef struct {
  pid_t pid;
  uint32_t id;
} Transfer;

static int control, bulk, urandom, null;
static Command commands[SLOTS];
static Transfer transfer;
static unsigned char chunk[CHUNK];
static volatile sig_atomic_t stopped;

// A command's, and ours: tar is looked for there.
static char *environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8", "TZ=UTC", NULL};

// ---- Bytes

// False at an error, with errno.
static int write_all(int fd, const void *from, size_t size) {
  for (const char *at = from; size > 0;) {
    ssize_t n = write(fd, at, size < WRITE_MAX ? size : WRITE_MAX);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return 0;
    at += n, size -= n;
  }
  return 1;
}

// One write(2), because a transfer's process tells its end by itself: frames must not mix.
static void tell(uint32_t type, uint32_t id, const void *payload, uint32_t length) {
  static unsigned char frame[WRITE_MAX];
  Header header = {type, id, length};
  memcpy(frame, &header, sizeof header);
  memcpy(frame + sizeof header, payload, length);
  write_all(control, frame, sizeof header + length);
}

// The end of a request: did it go well, how many bytes moved, their digest, and words if it did not.
static void tell_done(uint32_t id, const char *words, uint64_t size, uint64_t digest) {
  struct {
    uint64_t size, digest;
    uint32_t failed;
    char words[512];
  } answer = {size, digest, words != NULL, ""};
  size_t length = words ? strnlen(words, sizeof answer.words) : 0;
  if (words) memcpy(answer.words, words, length);
  tell(DONE, id, &answer, (char *)answer.words - (char *)&answer + length);
}

static const char *because(const char *what, const char *path) {
  static char words[512];
  snprintf(words, sizeof words, "%s %.400s: %s", what, path, strerror(errno));
  return words;
}

// XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), seed 0. Of the digests tried in an emulated guest the fastest:
// 2 GB/s, where CRC-32 makes 0.2. It is there to notice lost bytes, not an enemy.
static const uint64_t P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9,
                      P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;

typedef struct {
  uint64_t lane[4], size;
  unsigned char rest[32];
} Digest;

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
static uint64_t mix(uint64_t lane, uint64_t word) { return rotate(lane + word * P2, 31) * P1; }
static uint64_t word(const unsigned char *at) {
  uint64_t x;
  memcpy(&x, at, 8);
  return x;
}

static Digest digest_new(void) { return (Digest){.lane = {P1 + P2, P2, 0, -P1}}; }

static void digest_stripes(Digest *d, const unsigned char *at, size_t count) {
  uint64_t a = d->lane[0], b = d->lane[1], c = d->lane[2], e = d->lane[3];
  for (; count > 0; count--, at += 32)
    a = mix(a, word(at)), b = mix(b, word(at + 8)), c = mix(c, word(at + 16)), e = mix(e, word(at + 24));
  d->lane[0] = a, d->lane[1] = b, d->lane[2] = c, d->lane[3] = e;
}

static void digest_add(Digest *d, const unsigned char *at, size_t size) {
  size_t held = d->size % 32;
  d->size += size;
  if (held > 0) {
    size_t take = size < 32 - held ? size : 32 - held;
    memcpy(d->rest + held, at, take);
    if (held + take < 32) return;
    digest_stripes(d, d->rest, 1);
    at += take, size -= take;
  }
  digest_stripes(d, at, size / 32);
  memcpy(d->rest, at + size / 32 * 32, size % 32);
}

static uint64_t digest_end(const Digest *d) {
  uint64_t h = P5;
  const unsigned char *at = d->rest, *end = at + d->size % 32;
  if (d->size >= 32) {
    h = rotate(d->lane[0], 1) + rotate(d->lane[1], 7) + rotate(d->lane[2], 12) + rotate(d->lane[3], 18);
    for (int n = 0; n < 4; n++) h = (h ^ mix(0, d->lane[n])) * P1 + P4;
  }
  h += d->size;
  for (; at + 8 <= end; at += 8) h = rotate(h ^ mix(0, word(at)), 27) * P1 + P4;
  if (at + 4 <= end) {
    uint32_t x;
    memcpy(&x, at, 4);
    h = rotate(h ^ x * P1, 23) * P2 + P3;
    at += 4;
  }
  for (; at < end; at++) h = rotate(h ^ *at * P5, 11) * P1;
  h = (h ^ h >> 33) * P2;
  h = (h ^ h >> 29) * P3;
  return h ^ h >> 32;
}

// ---- Folders and programs

// mkdir -p; false with errno.
static int make_folder(const char *path) {
  char part[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof part) return errno = ENAMETOOLONG, 0;
  for (size_t n = 1; n <= length; n++) {
    if (path[n] != '/' && path[n] != 0) continue;
    memcpy(part, path, n);
    part[n] = 0;
    if (mkdir(part, 0755) && errno != EEXIST) return 0;
  }
  return 1;
}

// Starts a program in a session of its own, in our working folder; 0 with errno if it does not start.
static pid_t start(const char *path, char *const argv[], const int fds[3]) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  sigset_t none, all;
  pid_t pid;
  posix_spawn_file_actions_init(&files);
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_adddup2(&files, fds[fd], fd);
  posix_spawnattr_init(&how);
  sigemptyset(&none), sigfillset(&all);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  errno = posix_spawnp(&pid, path, &files, &how, argv, environment);
  int failed = errno;
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  errno = failed;
  return failed ? 0 : pid;
}

// ---- Processes, as /proc tells of them (proc(5))

typedef struct {
  pid_t pid, parent;
  char state;
  unsigned long long since;
} Process;

// False if there is none.
static int look(pid_t pid, Process *found) {
  char path[32], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, line, sizeof line - 1);
  close(fd);
  if (n <= 0) return 0;
  line[n] = 0;
  char *fields = strrchr(line, ')'); // a program may be called anything
  found->pid = pid;
  return fields && sscanf(fields + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                          &found->state, &found->parent, &found->since) == 3;
}

// Did this command start it? Whatever its parents left behind is our child (PR_SET_CHILD_SUBREAPER), whatever session it
// went to: so it is if the way up to us leads by the command's own process, or only by processes younger than that. What
// an earlier command left running, and the children of that, stay.
static int is_of(const Command *command, Process process) {
  for (int steps = 0; steps < 4096; steps++) {
    if (process.pid == command->leader) return 1;
    if (process.pid == transfer.pid || process.since < command->since) return 0;
    for (int n = 0; n < SLOTS; n++)
      if (commands[n].at == RUNNING && commands[n].leader == process.pid) return 0;
    if (process.parent == getpid()) return 1;
    if (process.parent <= 1 || !look(process.parent, &process)) return 0;
  }
  return 0;
}

// One round; how many were still alive. A killer may be slower than what it kills: the host repeats nothing, we do.
static int kill_round(const Command *command) {
  int alive = 0;
  DIR *all = opendir("/proc");
  if (!all) return 1;
  for (struct dirent *entry; (entry = readdir(all));) {
    Process process;
    if (!isdigit((unsigned char)entry->d_name[0]) || !look(atoi(entry->d_name), &process)) continue;
    if (process.state == 'Z' || process.state == 'X' || process.pid == getpid() || !is_of(command, process)) continue;
    kill(process.pid, SIGKILL);
    alive++;
  }
  closedir(all);
  return alive;
}

// ---- Commands

// Fields of a payload end with a NUL each; NULL-terminated list.
static int split(char *payload, uint32_t length, char *fields[], int most) {
  int count = 0;
  for (uint32_t at = 0; at < length && count < most - 1; at += strlen(payload + at) + 1) fields[count++] = payload + at;
  fields[count] = NULL;
  return count;
}

static void tell_exit(uint32_t id, int status) {
  uint32_t answer[2] = {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                        WIFSIGNALED(status) ? WTERMSIG(status) : 0};
  tell(EXIT, id, answer, sizeof answer);
}

// Like a shell that cannot run what it is asked for.
static void tell_unstarted(uint32_t id, const char *words, int code) {
  tell(OUTPUT, id, words, strlen(words));
  tell(OUTPUT, id, "\n", 1);
  tell_exit(id, code << 8);
}

static Command *slot(void) {
  Command *left = NULL;
  for (int n = 0; n < SLOTS; n++) {
    if (commands[n].at == FREE) return &commands[n];
    if (commands[n].at == LEFT && (!left || commands[n].id < left->id)) left = &commands[n];
  }
  // Too many of the past: the oldest loses its ear.
  if (left) close(left->output), left->at = FREE;
  return left;
}

static void run(uint32_t id, char *payload, uint32_t length) {
  char *field[4];
  int pipes[2];
  uint32_t credit;
  Command *command = slot();
  Process leader;
  if (length < 4 || split(payload + 4, length - 4, field, 4) < 3) return tell_unstarted(id, "not understood", 127);
  if (!command) return tell_unstarted(id, "too many commands at once", 126);
  memcpy(&credit, payload, 4);
  const char *folder = field[0], *shell = field[1];
  if (chdir(folder) && (!make_folder(folder) || chdir(folder)))
    return tell_unstarted(id, because("cannot enter", folder), 126);
  if (pipe2(pipes, O_CLOEXEC)) return tell_unstarted(id, because("no pipe for", shell), 126);
  char *argv[] = {field[1], "-c", field[2], NULL};
  pid_t pid = start(shell, argv, (int[]){null, pipes[1], pipes[1]});
  const char *words = pid ? NULL : because("cannot run", shell);
  close(pipes[1]);
  if (chdir("/")) {}
  if (words) return close(pipes[0]), tell_unstarted(id, words, 127);
  fcntl(pipes[0], F_SETFL, O_NONBLOCK);
  // We reap it ourselves, later: so it is there to be looked at, dead or alive.
  *command = (Command){RUNNING, id, pid, look(pid, &leader) ? leader.since : 0, pipes[0], credit, 0, 0, 0};
}

static Command *find(uint32_t id) {
  for (int n = 0; n < SLOTS; n++)
    if (commands[n].at != FREE && commands[n].id == id) return &commands[n];
  return NULL;
}

// What was written before the end has been told; what others write afterwards is nobody's.
static void settle(Command *command) {
  if (command->at != ENDED || command->unread > 0) return;
  tell_exit(command->id, command->status);
  command->at = LEFT;
}

static void forget(Command *command) {
  if (command->at == LEFT && command->output < 0 && !command->killing) command->at = FREE;
}

static void ended(Command *command, int status) {
  command->at = ENDED;
  command->status = status;
  if (command->output < 0 || ioctl(command->output, FIONREAD, &command->unread)) command->unread = 0;
  settle(command);
  forget(command);
}

static void pass_on(Command *command) {
  static unsigned char bytes[WRITE_MAX - sizeof(Header)];
  size_t most = sizeof bytes;
  if (command->at != LEFT && command->credit < most) most = command->credit;
  if (command->at == ENDED && (size_t)command->unread < most) most = command->unread;
  ssize_t n = read(command->output, bytes, most);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0 && command->at != LEFT) {
    tell(OUTPUT, command->id, bytes, n);
    command->credit -= n;
    command->unread -= n;
  }
  if (n <= 0) {
    close(command->output);
    command->output = -1;
    command->unread = 0;
  }
  settle(command);
  forget(command);
}

// ---- Transfers, each in a process of its own

static void on_stop(int signal) { stopped = signal; }

static void be_transfer(void) {
  struct sigaction stop = {.sa_handler = on_stop}; // no SA_RESTART: what waits must come back
  sigset_t none;
  setsid();
  sigaction(SIGTERM, &stop, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// The last line that a program left in that file.
static const char *last_words(int fd, const char *program) {
  static char text[400];
  off_t size = lseek(fd, 0, SEEK_END);
  ssize_t n = pread(fd, text, sizeof text - 1, size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0);
  while (n > 0 && isspace((unsigned char)text[n - 1])) n--;
  if (n <= 0) return snprintf(text, sizeof text, "%s failed", program), text;
  text[n] = 0;
  char *line = strrchr(text, '\n');
  return line ? line + 1 : text;
}

static const char *outcome(pid_t pid, int errors, const char *program) {
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return status == 0 ? NULL : last_words(errors, program);
}

// Takes so many bytes off the port, whatever becomes of them: the next transfer begins where this one ends.
static void receive(uint32_t id, uint64_t size, int untar, char *path) {
  Digest digest = digest_new();
  const char *words = NULL;
  pid_t tar = 0;
  int to = -1, errors = -1, ends[2] = {-1, -1};
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (!untar && slash) slash[slash == folder] = 0;
  if ((untar || slash) && !make_folder(folder)) words = because("cannot make", folder);
  else if (!untar && (to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0) words = because("cannot write", path);
  if (untar && !words) {
    char *argv[] = {"tar", "-xf", "-", "-C", path, NULL};
    errors = memfd_create("errors", MFD_CLOEXEC);
    if (pipe2(ends, O_CLOEXEC) == 0) tar = start("tar", argv, (int[]){ends[0], errors, errors});
    if (!tar) words = because("cannot start", "tar");
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    close(ends[0]);
    to = ends[1];
  }
  for (uint64_t left = size; left > 0;) {
    ssize_t n = read(bulk, chunk, left < CHUNK ? left : CHUNK);
    if (n < 0 && errno == EINTR && !stopped) continue;
    if (n <= 0) _exit(1);
    digest_add(&digest, chunk, n);
    left -= n;
    // tar leaves when it has seen the archive's end: its exit code tells whether that was right.
    if (to >= 0 && !write_all(to, chunk, n)) {
      if (!tar) words = because("cannot write", path);
      close(to);
      to = -1;
    }
  }
  if (to >= 0 && close(to) && !words) words = because("cannot write", path);
  if (tar) words = outcome(tar, errors, "tar");
  tell_done(id, words, digest.size, digest_end(&digest));
  _exit(0);
}

static const char *absent(char *const names[], const char *folder) {
  struct stat about;
  if (chdir(folder)) return because("cannot enter", folder);
  for (int n = 0; names[n]; n++)
    if (lstat(names[n], &about)) return because("cannot read", names[n]);
  return NULL;
}

static int open_tar(char *fields[], pid_t *tar, int errors) {
  static char *argv[FIELDS + 8];
  int ends[2], at = 0;
  const char *const first[] = {"tar", "-cf", "-", "-C", fields[0], "--"};
  for (; at < 6; at++) argv[at] = (char *)first[at];
  for (int n = 1; fields[n]; n++) argv[at++] = fields[n];
  if (pipe2(ends, O_CLOEXEC)) return -1;
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  *tar = start("tar", argv, (int[]){null, ends[1], errors});
  close(ends[1]);
  return *tar ? ends[0] : -1;
}

// A file, or named paths below a folder as a tar stream, until its end or until the host has enough.
static void send_out(uint32_t id, int as_tar, char *fields[]) {
  Digest digest = digest_new();
  struct stat about;
  pid_t tar = 0;
  const char *words = NULL;
  int from = -1, errors = memfd_create("errors", MFD_CLOEXEC);
  if (as_tar) {
    words = absent(fields + 1, fields[0]);
    if (!words && (from = open_tar(fields, &tar, errors)) < 0) words = because("cannot start", "tar");
  } else if ((from = open(fields[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0 || fstat(from, &about))
    words = because("cannot read", fields[0]);
  else if (!S_ISREG(about.st_mode)) words = (errno = EISDIR, because("cannot read", fields[0]));
  if (!words) tell(BEGIN, id, "", 0);
  while (!words && !stopped) {
    ssize_t n = read(from, chunk, CHUNK);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) words = because("cannot read", fields[0]);
    if (n <= 0) break;
    digest_add(&digest, chunk, n);
    if (!write_all(bulk, chunk, n)) _exit(1);
  }
  if (stopped && tar) kill(tar, SIGKILL);
  if (tar && !words) words = outcome(tar, errors, "tar");
  tell_done(id, stopped ? "stopped" : words, digest.size, digest_end(&digest));
  _exit(0);
}

static void move(uint32_t type, uint32_t id, char *payload, uint32_t length) {
  static char *fields[FIELDS];
  uint64_t size;
  if (length < 9 || split(payload + 9, length - 9, fields, FIELDS) < 1) return tell_done(id, "not understood", 0, 0);
  memcpy(&size, payload, 8);
  // The host waits for the end of one before it asks for another: what is still there has told its end, and was about to leave.
  if (transfer.pid) kill(transfer.pid, SIGKILL), waitpid(transfer.pid, NULL, 0), transfer.pid = 0;
  pid_t pid = fork();
  if (pid < 0) return tell_done(id, because("no process for", fields[0]), 0, 0);
  if (pid > 0) {
    transfer = (Transfer){pid, id};
    return;
  }
  be_transfer();
  if (type == PUT) receive(id, size, payload[8], fields[0]);
  else send_out(id, payload[8], fields);
}

// ---- Waking up in a clone

// Every clone of a template would draw the same numbers: the pool gets bytes that only this one has (random(4)).
static const char *reseed(const unsigned char *bytes, size_t size) {
  struct {
    int bits, size;
    unsigned char bytes[256];
  } seed = {(int)size * 8, (int)size, ""};
  memcpy(seed.bytes, bytes, size);
  if (ioctl(urandom, RNDADDENTROPY, &seed)) return because("RNDADDENTROPY", "/dev/urandom");
  // Since Linux 4.14; before, the pool is asked at each read.
  if (ioctl(urandom, RNDRESEEDCRNG) && errno != EINVAL && errno != ENOTTY) return because("RNDRESEEDCRNG", "/dev/urandom");
  return NULL;
}

static void wake(uint32_t id, const unsigned char *payload, uint32_t length) {
  uint64_t ns;
  if (length < 8 + 64 || length > 8 + 64 + 64) return tell_done(id, "not understood", 0, 0);
  memcpy(&ns, payload, 8);
  struct timespec now = {ns / 1000000000, ns % 1000000000};
  const char *words = reseed(payload + 8, 64);
  if (clock_settime(CLOCK_REALTIME, &now)) words = because("clock_settime", "");
  if (length > 72 && sethostname((const char *)payload + 72, length - 72)) words = because("sethostname", "");
  tell_done(id, words, 0, 0);
}

// ---- The loop

static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == transfer.pid) {
      // One that ended well has told so itself.
      if (status != 0) tell_done(transfer.id, "the transfer was killed", 0, 0);
      transfer.pid = 0;
    }
    for (int n = 0; n < SLOTS; n++)
      if (commands[n].at == RUNNING && commands[n].leader == pid) ended(&commands[n], status);
  }
}

static void obey(Header header, char *payload) {
  uint32_t id = header.id;
  Command *command = find(id);
  switch (header.type) {
  case PING: return tell_done(id, NULL, 0, 0);
  case WAKE: return wake(id, (unsigned char *)payload, header.length);
  case EXEC: return run(id, payload, header.length);
  case CREDIT:
    if (command && header.length == 4) command->credit += *(uint32_t *)payload;
    return;
  case KILL:
    if (command) command->killing = 1;
    else tell_done(id, NULL, 0, 0);
    return;
  case PUT:
  case GET: return move(header.type, id, payload, header.length);
  case STOP:
    if (transfer.pid && transfer.id == id) kill(transfer.pid, SIGTERM);
  }
}

static void hear(void) {
  static struct {
    Header header;
    char payload[FRAME_MAX + 1];
  } frame;
  static size_t have;
  size_t want = sizeof frame.header;
  if (have >= want) want += frame.header.length;
  ssize_t n = read(control, (char *)&frame + have, want - have);
  // No host, or none yet: it cannot be waited for with poll(2).
  if (n <= 0) return (void)usleep(50000);
  have += n;
  if (have < sizeof frame.header) return;
  if (frame.header.length > FRAME_MAX) exit(1);
  if (have < sizeof frame.header + frame.header.length) return;
  have = 0;
  frame.payload[frame.header.length] = 0;
  obey(frame.header, frame.payload);
}

static void kill_on(void) {
  for (int n = 0; n < SLOTS; n++) {
    Command *command = &commands[n];
    if (command->at == FREE || !command->killing || kill_round(command) > 0) continue;
    command->killing = 0;
    reap();
    tell_done(command->id, NULL, 0, 0);
    forget(command);
  }
}

static void serve(int children) {
  struct pollfd all[SLOTS + 2];
  Command *of[SLOTS + 2];
  for (;;) {
    int count = 2, killing = 0;
    all[0] = (struct pollfd){control, POLLIN, 0};
    all[1] = (struct pollfd){children, POLLIN, 0};
    for (int n = 0; n < SLOTS; n++) {
      Command *command = &commands[n];
      if (command->at != FREE && command->killing) killing = 1;
      if (command->at == FREE || command->output < 0 || (command->at != LEFT && command->credit == 0)) continue;
      of[count] = command;
      all[count++] = (struct pollfd){command->output, POLLIN, 0};
    }
    poll(all, count, killing ? 5 : -1);
    if (all[0].revents) hear();
    if (all[1].revents) {
      struct signalfd_siginfo about;
      if (read(children, &about, sizeof about)) {}
      reap();
    }
    for (int n = 2; n < count; n++)
      if (all[n].revents && of[n]->output == all[n].fd) pass_on(of[n]);
    if (killing) kill_on();
  }
}

// A port by its name, where the kernel tells it: not every system makes /dev/virtio-ports.
static int open_port(const char *name) {
  const char *folder = "/sys/class/virtio-ports";
  DIR *ports = opendir(folder);
  for (struct dirent *entry; ports && (entry = readdir(ports));) {
    char path[PATH_MAX], found[64] = "";
    snprintf(path, sizeof path, "%s/%s/name", folder, entry->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    ssize_t n = read(fd, found, sizeof found - 1);
    close(fd);
    if (n <= 0 || strncmp(found, name, strlen(name)) || found[strlen(name)] != '\n') continue;
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    int port = open(path, O_RDWR | O_CLOEXEC);
    if (port < 0) fprintf(stderr, "%s\n", because("cannot open", path)), exit(1);
    return closedir(ports), port;
  }
  fprintf(stderr, "there is no port %s\n", name);
  exit(1);
}

// Out of the agent's control group, whose end would be ours, and whose limits the commands'.
static void leave_group(void) {
  const char *const groups[] = {"", "/systemd", "/pids", "/memory"};
  for (int n = 0; n < 4; n++) {
    char path[64];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cgroup.procs", groups[n]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "0", 1) + close(fd)) {}
  }
}

// Arguments: the two ports' names. Leaves its starter as soon as it is sure to serve.
int main(int argc, char *argv[]) {
  sigset_t child, held;
  environ = environment;
  if (argc != 3) return fprintf(stderr, "usage: %s CONTROL BULK\n", argv[0]), 2;
  control = open_port(argv[1]);
  bulk = open_port(argv[2]);
  urandom = open("/dev/urandom", O_RDWR | O_CLOEXEC);
  null = open("/dev/null", O_RDWR | O_CLOEXEC);
  sigemptyset(&child), sigaddset(&child, SIGCHLD);
  held = child, sigaddset(&held, SIGTERM), sigaddset(&held, SIGINT), sigaddset(&held, SIGHUP);
  sigprocmask(SIG_BLOCK, &held, NULL);
  int children = signalfd(-1, &child, SFD_CLOEXEC);
  if (urandom < 0 || null < 0 || children < 0) return fprintf(stderr, "%s\n", because("cannot open", "/dev")), 1;
  if (fork() > 0) return 0;
  setsid();
  if (chdir("/")) {}
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  leave_group();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  unlink(argv[0]); // nothing of ours lies about in what patches see
  serve(children);
}
