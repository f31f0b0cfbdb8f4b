/*
 * A TCP relay that does nothing but relay: no timers, no framing, no limits, no statistics, no log. What it costs is what
 * the kernel costs, and so the least that any proxy on this machine could.
 *
 *     floor THREADS LISTEN-ADDRESS PORT BACKEND-ADDRESS PORT
 *
 * Addresses are IPv4. Each thread has an epoll set and owns its connections outright. The first one also accepts, and
 * deals connections out in turn, so that few of them are spread evenly.
 *
 * Small reads go through a buffer of the thread. Once one fills it, bytes go from socket to socket through a pipe, unseen,
 * until little comes at a time. Bytes that a side does not take stay in a pipe, and the other side is not read until they
 * are gone. An idle connection has no pipe.
 *
 * It is a yardstick and no server: where the machine has no descriptors or memory left, it says so and ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BUFFER = 64 << 10,    /* bytes; what is left of a read must fit in the smallest pipe that the kernel gives */
	PIPE = 1 << 20,       /* bytes; the most that an unprivileged user may have */
	STILL_BULK = 16 << 10, /* bytes; with less at a time, a copy is cheaper than a pipe */
	BATCH = 256,          /* events */
	BACKLOG = 4096,
};

struct pipe {
	int in, out;
	size_t held; /* bytes */
	struct pipe *next;
};

/* One end of a connection, and what came from it. */
struct side {
	struct pipe *pipe; /* bytes that the other side has yet to take; NULL: none */
	int fd;
	bool upstream : 1; /* the second side of its connection */
	bool readable : 1; /* an edge was seen and not yet read to its end */
	bool fin : 1;      /* nothing comes after what is readable now */
	bool ended : 1;    /* and the other side knows */
	bool bulk : 1;     /* read through a pipe */
	bool watched : 1;  /* for being writable, too */
};

struct connection {
	struct side side[2]; /* client, upstream */
	struct connection *next; /* of those to free */
	atomic_bool ready; /* the accepting thread is done with it */
	bool closed;
};

/* What a thread has to itself. */
struct worker {
	int epoll;
	struct pipe *spare; /* empty ones */
	struct connection *closed; /* to free after the batch, in which they may still have events */
	char *buffer;
};

static struct worker *workers;
static unsigned threads;
static int listener;
static struct sockaddr_in backend;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *allocate(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		die("calloc");
	return p;
}

static struct side *other(struct side *s)
{
	return s->upstream ? s - 1 : s + 1;
}

static struct connection *connection_of(struct side *s)
{
	return (struct connection *)(s - s->upstream);
}

static void watch(int epoll, int op, struct side *s, uint32_t events)
{
	struct epoll_event e = {.events = events | EPOLLET, .data.ptr = s};
	if (epoll_ctl(epoll, op, s->fd, &e) < 0)
		die("epoll_ctl");
}

/* Pipes */

static struct pipe *take_pipe(struct worker *w)
{
	struct pipe *p = w->spare;
	if (p) {
		w->spare = p->next;
		return p;
	}
	int fd[2];
	if (pipe2(fd, O_NONBLOCK) < 0)
		die("pipe");
	fcntl(fd[1], F_SETPIPE_SZ, PIPE); /* a smaller one serves, too */
	p = allocate(sizeof *p);
	p->out = fd[0];
	p->in = fd[1];
	return p;
}

static void give_back(struct worker *w, struct side *s)
{
	s->pipe->next = w->spare;
	w->spare = s->pipe;
	s->pipe = NULL;
}

static void drop_pipe(struct side *s)
{
	if (!s->pipe)
		return;
	close(s->pipe->in);
	close(s->pipe->out);
	free(s->pipe);
	s->pipe = NULL;
}

/* The end of a connection */

static void close_both(struct worker *w, struct connection *c)
{
	for (int i = 0; i < 2; i++) {
		close(c->side[i].fd);
		drop_pipe(&c->side[i]);
	}
	c->closed = true;
	c->next = w->closed;
	w->closed = c;
}

/* Both sides get a reset, since one had one or cannot be reached. */
static void cut(struct worker *w, struct connection *c)
{
	struct linger at_once = {.l_onoff = 1};
	for (int i = 0; i < 2; i++)
		setsockopt(c->side[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close_both(w, c);
}

/* pass_fin closes where both sides have ended, which is the second one's FIN. */
static void pass_fin(struct worker *w, struct side *from)
{
	from->ended = true;
	if (other(from)->ended)
		close_both(w, connection_of(from));
	else
		shutdown(other(from)->fd, SHUT_WR);
}

/*
 * Moving bytes. These return false where the connection cannot go on. A read that gave less than it asked for has met the
 * end of what had come, so the next edge is told: no second read finds that out.
 */

static bool at_end(struct side *from, ssize_t n)
{
	from->readable = false;
	if (n == 0)
		from->fin = true;
	return n == 0 || errno == EAGAIN;
}

/* await_room has epoll tell when to takes bytes again. Once asked for, it does so for good. */
static void await_room(struct worker *w, struct side *to)
{
	if (to->watched)
		return;
	to->watched = true;
	watch(w->epoll, EPOLL_CTL_MOD, to, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
}

/* push writes what the pipe holds, and gives it back when it is empty. What is left did not fit. */
static bool push(struct worker *w, struct side *from)
{
	struct pipe *p = from->pipe;
	ssize_t n = splice(p->out, NULL, other(from)->fd, NULL, p->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno != EAGAIN)
		return false;
	p->held -= n < 0 ? 0 : n;
	if (p->held > 0)
		await_room(w, other(from));
	else
		give_back(w, from);
	return true;
}

static void hold(struct worker *w, struct side *from, const char *bytes, size_t n)
{
	from->pipe = take_pipe(w);
	from->pipe->held = n;
	if (write(from->pipe->in, bytes, n) != (ssize_t)n)
		die("write to an empty pipe");
	await_room(w, other(from));
}

static bool copy(struct worker *w, struct side *from)
{
	ssize_t n = recv(from->fd, w->buffer, BUFFER, 0);
	if (n <= 0)
		return at_end(from, n);
	from->readable = from->bulk = n == BUFFER;
	ssize_t sent = send(other(from)->fd, w->buffer, n, MSG_NOSIGNAL);
	if (sent == n)
		return true;
	if (sent < 0 && errno != EAGAIN)
		return false;
	sent = sent < 0 ? 0 : sent;
	hold(w, from, w->buffer + sent, n - sent);
	return true;
}

/* pull's read may also be short where the pipe has no slots left, so it does not tell the end of what had come. */
static bool pull(struct worker *w, struct side *from)
{
	from->pipe = take_pipe(w);
	ssize_t n = splice(from->fd, NULL, from->pipe->in, NULL, PIPE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n <= 0) {
		give_back(w, from);
		return at_end(from, n);
	}
	from->pipe->held = n;
	from->bulk = n >= STILL_BULK;
	return push(w, from);
}

/* forward moves all there is, until from has no more or the other side takes no more. */
static void forward(struct worker *w, struct side *from)
{
	bool good = true;
	if (from->pipe)
		good = push(w, from);
	while (good && from->readable && !from->pipe)
		good = from->bulk ? pull(w, from) : copy(w, from);
	if (!good)
		cut(w, connection_of(from));
	else if (from->fin && !from->ended && !from->pipe)
		pass_fin(w, from);
}

/* Events */

static void on_event(struct worker *w, struct side *s, uint32_t events)
{
	struct connection *c = connection_of(s);
	if (c->closed)
		return;
	while (!atomic_load_explicit(&c->ready, memory_order_acquire))
		sched_yield(); /* a microsecond; the other side is being registered */
	if (events & EPOLLERR) {
		cut(w, c);
		return;
	}
	if ((events & EPOLLOUT) && other(s)->pipe)
		forward(w, other(s));
	if ((events & EPOLLIN) && !s->ended && !c->closed) {
		s->readable = true;
		s->fin = events & EPOLLRDHUP;
		forward(w, s);
	}
}

static int dial(void)
{
	static const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&backend, sizeof backend) < 0 && errno != EINPROGRESS)
		die("connect");
	return fd;
}

/*
 * accept_one takes one client, since epoll tells at once of the next where there is one, and an accept that finds none
 * costs as much as one that does. The upstream is not waited for: a write before it is there is held, as any other.
 */
static void accept_one(void)
{
	static unsigned turn;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EAGAIN || errno == ECONNABORTED)
			return;
		die("accept");
	}
	struct connection *c = allocate(sizeof *c);
	int epoll = workers[turn++ % threads].epoll;
	c->side[0] = (struct side){.fd = fd};
	c->side[1] = (struct side){.fd = dial(), .upstream = true};
	watch(epoll, EPOLL_CTL_ADD, &c->side[1], EPOLLIN | EPOLLRDHUP);
	watch(epoll, EPOLL_CTL_ADD, &c->side[0], EPOLLIN | EPOLLRDHUP);
	atomic_store_explicit(&c->ready, true, memory_order_release);
}

static void free_closed(struct worker *w)
{
	while (w->closed) {
		struct connection *c = w->closed;
		w->closed = c->next;
		free(c);
	}
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct epoll_event events[BATCH];
	for (;;) {
		int n = epoll_wait(w->epoll, events, BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(w, events[i].data.ptr, events[i].events);
			else
				accept_one();
		}
		free_closed(w);
	}
	return NULL;
}

/* The start */

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "%s is no IPv4 address\n", host);
		exit(2);
	}
	return a;
}

/* listen_at sets what accepted sockets inherit, once for all of them. */
static void listen_at(struct sockaddr_in a)
{
	static const int on = 1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0)
		die("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0)
		die("bind");
	if (listen(listener, BACKLOG) < 0)
		die("listen");
}

static void start_workers(void)
{
	workers = allocate(threads * sizeof *workers);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].epoll = epoll_create1(EPOLL_CLOEXEC);
		if (workers[i].epoll < 0)
			die("epoll_create");
		workers[i].buffer = allocate(BUFFER);
	}
	struct epoll_event level = {.events = EPOLLIN};
	if (epoll_ctl(workers[0].epoll, EPOLL_CTL_ADD, listener, &level) < 0)
		die("epoll_ctl");
	for (unsigned i = 1; i < threads; i++) {
		pthread_t thread;
		if ((errno = pthread_create(&thread, NULL, work, &workers[i])))
			die("pthread_create");
	}
	work(&workers[0]);
}

int main(int argc, char **argv)
{
	if (argc != 6 || (threads = atoi(argv[1])) < 1) {
		fprintf(stderr, "usage: %s THREADS LISTEN-ADDRESS PORT BACKEND-ADDRESS PORT\n", argv[0]);
		return 2;
	}
	backend = address(argv[4], argv[5]);
	signal(SIGPIPE, SIG_IGN); /* splice has no MSG_NOSIGNAL */
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	listen_at(address(argv[2], argv[3]));
	start_workers();
}
