// Runs one command and says how long it took, and when the kernel had all of its changes:
//   stopwatch [ADDRESS@DEV]... -- COMMAND [ARG]...
// Prints {"status":N,"wall":NS,"ready":NS}; what the command writes goes to stderr. `wall` ends when the command has
// and its pipe is closed, which is what a hypervisor waits for. `ready` is the last route, rule or nftables change, or
// the proxy neighbour ADDRESS on DEV where that comes later: these are not notified, so they are asked for.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROXIES 8
#define RECEIVE_BUFFER (32 << 20)

static const struct timespec ASK_EVERY = {.tv_nsec = 100000};

struct proxy {
  struct nlmsghdr header;
  struct ndmsg neighbour;
  char attributes[RTA_SPACE(16)];
};

extern char **environ;

static void die(const char *what) {
  perror(what);
  exit(2);
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int netlink(int protocol, const int *groups, int count) {
  struct sockaddr_nl any = {.nl_family = AF_NETLINK};
  int size = RECEIVE_BUFFER;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0) die("netlink");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  for (int i = 0; i < count; i++)
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(int)) < 0) die("netlink group");
  return fd;
}

// The kernel adds and removes routes of its own when a link comes up; these are no part of the command's work.
static int counts(int fd, int nft_fd, const struct nlmsghdr *message) {
  if (fd == nft_fd) return 1;
  if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE) return 1;
  return ((const struct rtmsg *)NLMSG_DATA(message))->rtm_protocol != RTPROT_KERNEL;
}

// Empties a socket; true when there was a change among what it held. A lost message was one, too.
static int changed(int fd, int nft_fd) {
  static char buffer[1 << 16];
  int found = 0;
  for (;;) {
    int size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0) {
      if (errno == ENOBUFS) found = 1;
      else return found;
    }
    for (struct nlmsghdr *m = (void *)buffer; size > 0 && NLMSG_OK(m, size); m = NLMSG_NEXT(m, size))
      found |= counts(fd, nft_fd, m);
  }
}

static struct proxy proxy_request(char *text) {
  struct proxy request = {0};
  char *dev = strchr(text, '@');
  if (dev == NULL) die(text);
  *dev++ = 0;
  int family = strchr(text, ':') ? AF_INET6 : AF_INET;
  int size = family == AF_INET6 ? 16 : 4;
  struct rtattr *address = (void *)request.attributes;
  address->rta_type = NDA_DST;
  address->rta_len = RTA_LENGTH(size);
  if (inet_pton(family, text, RTA_DATA(address)) != 1) die(text);
  request.neighbour = (struct ndmsg){
      .ndm_family = family, .ndm_ifindex = if_nametoindex(dev), .ndm_flags = NTF_PROXY};
  request.header = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(sizeof request.neighbour) + RTA_SPACE(size),
                                     .nlmsg_type = RTM_GETNEIGH,
                                     .nlmsg_flags = NLM_F_REQUEST};
  return request;
}

static int is_there(int fd, const struct proxy *request) {
  char answer[4096];
  if (send(fd, request, request->header.nlmsg_len, 0) < 0) die("proxy neighbour");
  if (recv(fd, answer, sizeof answer, 0) < 0) die("proxy neighbour");
  return ((struct nlmsghdr *)answer)->nlmsg_type == RTM_NEWNEIGH;
}

static pid_t start(char **argv, int output) {
  posix_spawn_file_actions_t actions;
  pid_t child;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  int error = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
  if (error != 0) {
    errno = error;
    die(argv[0]);
  }
  return child;
}

int main(int argc, char **argv) {
  struct proxy proxies[MAX_PROXIES];
  int wanted = 0, there = 0, output[2], status;
  int i = 1;
  for (; i < argc && strcmp(argv[i], "--") != 0 && wanted < MAX_PROXIES; i++)
    proxies[wanted++] = proxy_request(argv[i]);
  if (i + 1 >= argc) return 2;

  int route_groups[] = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE};
  int nft_groups[] = {NFNLGRP_NFTABLES};
  int route = netlink(NETLINK_ROUTE, route_groups, 4);
  int nft = netlink(NETLINK_NETFILTER, nft_groups, 1);
  int ask = netlink(NETLINK_ROUTE, NULL, 0);
  if (pipe2(output, O_CLOEXEC) < 0) die("pipe");

  long long began = now(), ready = began;
  pid_t child = start(argv + i + 1, output[1]);
  close(output[1]);
  struct pollfd fds[] = {{output[0], POLLIN, 0}, {route, POLLIN, 0}, {nft, POLLIN, 0}};
  for (;;) {
    // Asking begins with the first change, so that it takes no time from a start that has none yet.
    int asking = there < wanted && ready > began;
    if (ppoll(fds, 3, asking ? &ASK_EVERY : NULL, NULL) < 0 && errno != EINTR) die("poll");
    if (changed(route, nft) | changed(nft, nft)) ready = now();
    while (asking && there < wanted && is_there(ask, &proxies[there])) {
      there++;
      ready = now();
    }
    if (fds[0].revents == 0) continue;
    char text[4096];
    ssize_t size = read(output[0], text, sizeof text);
    if (size <= 0) break;
    if (write(2, text, size) < 0) die("stderr");
  }
  if (waitpid(child, &status, 0) < 0) die("wait");
  long long ended = now();
  if (changed(route, nft) | changed(nft, nft)) ready = ended;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("{\"status\":%d,\"wall\":%lld,\"ready\":%lld}\n", code, ended - began, ready - began);
  return 0;
}
