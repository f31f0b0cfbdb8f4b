//go:build linux

package reactor

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Progress is how far a peer has got with what was written to it. A unix socket acknowledges what its peer has read.
type Progress struct {
	Unacked int           // bytes that the peer has not acknowledged; a FIN is none
	Mark    uint32        // grows, modulo 2^32, as the peer acknowledges
	LastAck time.Duration // for how long at least it has acknowledged nothing; 0: the kernel does not say
}

// ProgressOf asks the kernel for the progress of fd's peer. It makes several system calls.
func ProgressOf(fd int) Progress {
	info, errno := tcpInfo(fd)
	if errno != 0 {
		n := unread(fd)
		return Progress{Unacked: n, Mark: uint32(-n)}
	}
	p := Progress{
		Unacked: Unacked(fd),
		Mark:    uint32(info.Bytes_acked),
		LastAck: max(0, time.Duration(info.Last_ack_recv)*time.Millisecond-longestTick),
	}
	if p.Unacked > 0 && finUnacked(info.State) {
		p.Unacked--
	}
	return p
}

// Path is what the kernel knows of the way to a peer, and of what lies there.
type Path struct {
	Unread        int           // bytes from the peer that nobody has read
	Unacked       int           // bytes to the peer that it has not acknowledged
	IsTCP         bool          // what follows is known
	RTT           time.Duration // round trip, smoothed; 0: not measured yet
	Retransmitted uint32        // segments that were sent again, since the socket was opened
}

// PathOf asks the kernel about fd. It makes several system calls.
func PathOf(fd int) Path {
	p := Path{Unread: Unread(fd), Unacked: ProgressOf(fd).Unacked}
	if info, errno := tcpInfo(fd); errno == 0 {
		p.IsTCP, p.RTT, p.Retransmitted = true, time.Duration(info.Rtt)*time.Microsecond, info.Total_retrans
	}
	return p
}

// longestTick is the longest that the kernel's count of Last_ack_recv may be ahead: it is kept in ticks, of which the longest
// are those of CONFIG_HZ=100.
const longestTick = 10 * time.Millisecond

func tcpInfo(fd int) (*unix.TCPInfo, syscall.Errno) {
	info, size := unix.TCPInfo{}, uint32(unix.SizeofTCPInfo)
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return &info, errno
}

// finUnacked reports whether a TCP socket in that state has sent a FIN that is not acknowledged, which SIOCOUTQ counts as a
// byte (write_seq in net/ipv4/tcp_output.c, tcp_send_fin). States are those of include/net/tcp_states.h.
func finUnacked(state uint8) bool {
	const finWait1, lastAck, closing = 4, 9, 11
	return state == finWait1 || state == lastAck || state == closing
}

// unread returns how many bytes the peer of a unix socket has not read. SIOCOUTQ does not tell: it counts memory, and that is
// freed when all that came with one write has been read, so a peer that reads slowly seems to stand still for up to 64 KiB.
// The receive queue of the peer is told by sock_diag(7), where the kernel has unix_diag and the peer is in the same network
// namespace; elsewhere SIOCOUTQ has to do.
func unread(fd int) int {
	if n, ok := peerQueue(fd); ok {
		return n
	}
	return Unacked(fd)
}

func peerQueue(fd int) (bytes int, ok bool) {
	var stat unix.Stat_t
	if unix.Fstat(fd, &stat) != nil {
		return 0, false
	}
	diag, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, false
	}
	defer unix.Close(diag)
	peer, ok := askUnixDiag(diag, uint32(stat.Ino), showPeer, diagPeer)
	if !ok {
		return 0, false
	}
	queued, ok := askUnixDiag(diag, peer, showQueue, diagQueue)
	return int(queued), ok
}

// What unix_diag can be asked for and the attributes in which it answers (include/uapi/linux/unix_diag.h). Of a queue the
// first number counts the bytes that have not been read.
const (
	showPeer  = 0x4
	showQueue = 0x10
	diagPeer  = 2
	diagQueue = 4
)

// unixDiagRequest is nlmsghdr and unix_diag_req.
type unixDiagRequest struct {
	header   unix.NlMsghdr
	family   uint8
	protocol uint8
	_        uint16
	states   uint32
	inode    uint32
	show     uint32
	cookie   [2]uint32
}

// askUnixDiag asks for one thing about the unix socket with that inode, and returns the first number of the attribute in which
// it comes.
func askUnixDiag(diag int, inode, show uint32, attribute uint16) (uint32, bool) {
	const byFamily, noCookie = 20, ^uint32(0) // SOCK_DIAG_BY_FAMILY, INET_DIAG_NOCOOKIE
	request := unixDiagRequest{family: unix.AF_UNIX, states: ^uint32(0), inode: inode, show: show, cookie: [2]uint32{noCookie, noCookie}}
	request.header = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(request)), Type: byFamily, Flags: unix.NLM_F_REQUEST}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request))
	if unix.Sendto(diag, raw, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return 0, false
	}
	var answer [512]byte
	n, _, err := unix.Recvfrom(diag, answer[:], unix.MSG_DONTWAIT) // it was written while the request was sent
	if err != nil || n < unix.SizeofNlMsghdr || (*unix.NlMsghdr)(unsafe.Pointer(&answer)).Type != byFamily {
		return 0, false
	}
	const head = unix.SizeofNlMsghdr + 16 // unix_diag_msg
	return attributeOf(answer[min(n, head):n], attribute)
}

// attributeOf returns the first number of one of the netlink attributes in b.
func attributeOf(b []byte, wanted uint16) (uint32, bool) {
	for len(b) >= unix.SizeofRtAttr {
		attr := (*unix.RtAttr)(unsafe.Pointer(unsafe.SliceData(b)))
		size := int(attr.Len)
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		if attr.Type == wanted && size >= unix.SizeofRtAttr+4 {
			return *(*uint32)(unsafe.Pointer(&b[unix.SizeofRtAttr])), true
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return 0, false
}
