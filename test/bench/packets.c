// Stands where hypervisors and the wire do: holds the other ends of taps, in the network namespace it is started in,
// and writes frames into them. write() runs the kernel's whole forward path, up to the queue of the device where the
// packet leaves, so the time of a write is the time of a packet.
//   open TAP                          -> ok
//   count TAP SINK NUMBER HEX         -> the number of UDP packets to port 9 that came out of SINK
//   time TAP MILLISECONDS HEX         -> nanoseconds of processor time per packet
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_TAPS 16
#define FRAME_MAX 256
// Reading the clock costs as much as a tenth of a packet.
#define WRITES_A_LOOK 64

static struct {
  char name[IFNAMSIZ];
  int fd;
} taps[MAX_TAPS];
static int open_taps;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void open_tap(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (open_taps == MAX_TAPS || fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) die(name);
  snprintf(taps[open_taps].name, IFNAMSIZ, "%s", name);
  taps[open_taps++].fd = fd;
  puts("ok");
}

static int fd_of(const char *name) {
  for (int i = 0; i < open_taps; i++)
    if (strcmp(taps[i].name, name) == 0) return taps[i].fd;
  fprintf(stderr, "%s is not open\n", name);
  exit(1);
}

static int bytes_of(const char *hex, unsigned char *frame) {
  int size = 0;
  for (unsigned byte; size < FRAME_MAX && sscanf(hex + 2 * size, "%2x", &byte) == 1; size++) frame[size] = byte;
  return size;
}

// UDP, without options or extension headers, to the discard port.
static int is_ours(const unsigned char *frame, int size) {
  if (size < 64) return 0;
  const unsigned char *ip = frame + 14;
  int four = frame[12] == 0x08;
  int udp = four ? 20 : 40;
  return ip[four ? 9 : 6] == 17 && ip[udp + 2] == 0 && ip[udp + 3] == 9;
}

static int drain(int fd) {
  unsigned char frame[2048];
  int found = 0;
  for (int size; (size = read(fd, frame, sizeof frame)) > 0;) found += is_ours(frame, size);
  return found;
}

static void count(int from, int to, int number, const char *hex) {
  unsigned char frame[FRAME_MAX];
  int size = bytes_of(hex, frame), found = 0;
  drain(to);
  for (int i = 0; i < number; i++) {
    if (write(from, frame, size) < 0) die("write");
    found += drain(to);
  }
  printf("%d\n", found);
}

// The thread's own time: others who want the processor meanwhile do not count.
static double clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void measure(int fd, double milliseconds, const char *hex) {
  unsigned char frame[FRAME_MAX];
  int size = bytes_of(hex, frame);
  long packets = 0;
  double began = clock_ns(), ended;
  do {
    for (int i = 0; i < WRITES_A_LOOK; i++)
      if (write(fd, frame, size) < 0) die("write");
    packets += WRITES_A_LOOK;
    ended = clock_ns();
  } while (ended - began < milliseconds * 1e6);
  printf("%.1f\n", (ended - began) / packets);
}

int main(void) {
  char line[4 * FRAME_MAX], tap[IFNAMSIZ], sink[IFNAMSIZ], hex[2 * FRAME_MAX + 1];
  double number;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "open %15s", tap) == 1) open_tap(tap);
    else if (sscanf(line, "count %15s %15s %lf %512s", tap, sink, &number, hex) == 4)
      count(fd_of(tap), fd_of(sink), number, hex);
    else if (sscanf(line, "time %15s %lf %512s", tap, &number, hex) == 3) measure(fd_of(tap), number, hex);
    else return 1;
  }
  return 0;
}
