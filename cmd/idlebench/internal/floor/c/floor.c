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
	BUFFER = 64 << 10,     /* bytes; what is left of a read must fit in the smallest pipe that the kernel gives */
	PIPE = 1 << 20,        /* bytes; the most that an unprivileged user may have */
	STILL_BULK = 16 << 10, /* bytes; with less at a time, a copy is cheaper than a pipe */
	BATCH = 256,           /* events */
	BACKLOG = 4096,
};

static const uint32_t READS = EPOLLIN | EPOLLRDHUP | EPOLLET;

enum { OUT, IN }; /* the ends of a pipe */

struct pipe {
	int end[2];
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
};

struct connection {
	struct side side[2]; /* client, upstream */
	struct connection *next; /* of those to free */
	atomic_bool settled; /* the accepting thread is done with it */
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

static struct side *other(struct side *s) { return s->upstream ? s - 1 : s + 1; }
static struct connection *connection_of(struct side *s) { return (struct connection *)(s - s->upstream); }

/*
 * An owner may hear of a connection while the accepting thread still registers it. That is waited for where it matters, a
 * microsecond at most and hardly ever.
 */
static void await_settled(struct connection *c)
{
	while (!atomic_load_explicit(&c->settled, memory_order_acquire))
		sched_yield();
}

/* watch asks for events of a side, or of the listener where that is NULL. */
static void watch(int epoll, int op, int fd, uint32_t events, struct side *s)
{
	struct epoll_event e = {.events = events, .data.ptr = s};
	if (epoll_ctl(epoll, op, fd, &e) < 0)
		die("epoll_ctl");
}

static struct pipe *take_pipe(struct worker *w)
{
	struct pipe *p = w->spare;
	if (p) {
		w->spare = p->next;
		return p;
	}
	p = allocate(sizeof *p);
	if (pipe2(p->end, O_NONBLOCK | O_CLOEXEC) < 0)
		die("pipe");
	fcntl(p->end[IN], F_SETPIPE_SZ, PIPE); /* a smaller one serves, too */
	return p;
}

static void give_back(struct worker *w, struct side *s)
{
	s->pipe->next = w->spare;
	w->spare = s->pipe;
	s->pipe = NULL;
}

/* close_both ends pipes that hold bytes with the connection, since nobody else can use them. */
static void close_both(struct worker *w, struct connection *c)
{
	await_settled(c);
	for (int i = 0; i < 2; i++) {
		struct pipe *p = c->side[i].pipe;
		close(c->side[i].fd);
		if (p) {
			close(p->end[IN]);
			close(p->end[OUT]);
			free(p);
		}
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
	from->fin |= n == 0;
	return n == 0 || errno == EAGAIN;
}

/*
 * await_room has epoll tell when to takes bytes again. It asks again each time, which looks again: where the kernel is short of
 * memory for TCP, nothing is taken though nothing is queued, so that no acknowledgement ever comes to make an edge.
 */
static void await_room(struct worker *w, struct side *to)
{
	await_settled(connection_of(to));
	watch(w->epoll, EPOLL_CTL_MOD, to->fd, READS | EPOLLOUT, to);
}

/* push writes what the pipe holds, and gives it back when it is empty. What is left did not fit. */
static bool push(struct worker *w, struct side *from)
{
	struct pipe *p = from->pipe;
	ssize_t n = splice(p->end[OUT], NULL, other(from)->fd, NULL, p->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno != EAGAIN)
		return false;
	p->held -= n < 0 ? 0 : n;
	if (p->held > 0)
		await_room(w, other(from));
	else
		give_back(w, from);
	return true;
}

/* hold keeps bytes that the other side does not take yet. */
static void hold(struct worker *w, struct side *from, const char *bytes, size_t n)
{
	from->pipe = take_pipe(w);
	from->pipe->held = n;
	if (write(from->pipe->end[IN], bytes, n) != (ssize_t)n)
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

/*
 * pull's read may also be short where the pipe has no slots left, so it does not tell the end of what had come. It yields
 * first: where others wait for the processor, more comes meanwhile and goes along, which takes a quarter less of it (all
 * bulk scenarios, 0.96 to 0.7 of HAProxy). Where nobody waits, that is a system call of 0.2 us.
 */
static bool pull(struct worker *w, struct side *from)
{
	sched_yield();
	from->pipe = take_pipe(w);
	ssize_t n = splice(from->fd, NULL, from->pipe->end[IN], NULL, PIPE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
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

static void on_event(struct worker *w, struct side *s, uint32_t events)
{
	struct connection *c = connection_of(s);
	if (c->closed)
		return;
	/* HUP alone is a connect that was given up: its client had gone. */
	if ((events & EPOLLERR) || !(events & (EPOLLIN | EPOLLOUT))) {
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

/* An accepted socket inherits TCP_NODELAY from the one that listens. */
static int new_socket(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static int dial(void)
{
	int fd = new_socket();
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
	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
		return;
	if (fd < 0)
		die("accept");
	struct connection *c = allocate(sizeof *c);
	int epoll = workers[turn++ % threads].epoll;
	c->side[0] = (struct side){.fd = fd};
	c->side[1] = (struct side){.fd = dial(), .upstream = true};
	watch(epoll, EPOLL_CTL_ADD, c->side[1].fd, READS, &c->side[1]);
	watch(epoll, EPOLL_CTL_ADD, c->side[0].fd, READS, &c->side[0]);
	atomic_store_explicit(&c->settled, true, memory_order_release);
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct connection *c;
	struct epoll_event events[BATCH];
	for (;;) {
		int n = epoll_wait(w->epoll, events, BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(w, events[i].data.ptr, events[i].events);
			else
				accept_one();
		}
		while ((c = w->closed)) {
			w->closed = c->next;
			free(c);
		}
	}
	return NULL;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = inet_addr(host),
	};
}

static void listen_at(struct sockaddr_in a)
{
	int on = 1;
	listener = new_socket();
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, BACKLOG) < 0)
		die("listen");
}

static void start_workers(void)
{
	workers = allocate(threads * sizeof *workers);
	for (unsigned i = 0; i < threads; i++) {
		if ((workers[i].epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
			die("epoll_create");
		workers[i].buffer = allocate(BUFFER);
	}
	watch(workers[0].epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
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
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	listen_at(address(argv[2], argv[3]));
	start_workers();
}
