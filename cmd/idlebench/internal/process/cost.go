package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is a process with all that descend from it, by process id.
type Tree []int

// TreeOf returns the tree of a process as it is now.
func TreeOf(root int) (Tree, error) {
	children, err := childrenByParent()
	if err != nil {
		return nil, err
	}
	tree := Tree{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

func childrenByParent() (map[int][]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, parent, err := parseStat(stat)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		children[parent] = append(children[parent], pid)
	}
	return children, nil
}

// parseStat reads "pid (name) state parent ..." (proc(5)). The name may have blanks and parentheses.
func parseStat(stat []byte) (pid, parent int, err error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return 0, 0, fmt.Errorf("no name in %q", stat)
	}
	if pid, err = strconv.Atoi(string(bytes.TrimSpace(stat[:open]))); err != nil {
		return 0, 0, err
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 2 {
		return 0, 0, fmt.Errorf("no parent in %q", stat)
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return pid, parent, err
}

// CPU returns the user and system time that the tree has used. It is what utime and stime of /proc/PID/stat add up to,
// read from the process's CPU clock, since those two count in 10 ms.
func (t Tree) CPU() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range t {
		var ts unix.Timespec
		if err := unix.ClockGettime(cpuClock(pid), &ts); err != nil {
			return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
		}
		sum += time.Duration(ts.Nano())
	}
	return sum, nil
}

// cpuClock is the id of a process's CPU clock: its id inverted, then three bits for the clock. 2 is the scheduler's, which
// has nanoseconds and includes threads that have ended (linux/posix-timers_types.h).
func cpuClock(pid int) int32 { return ^int32(pid)<<3 | 2 }

// PSS returns the bytes of memory of the tree, each shared page divided by the number of processes that share it.
func (t Tree) PSS() (int64, error) {
	var sum int64
	for _, pid := range t {
		file := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
		rollup, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		pss, err := parsePSS(rollup)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += pss
	}
	return sum, nil
}

// parsePSS finds the line "Pss:   123 kB".
func parsePSS(rollup []byte) (int64, error) {
	for line := range bytes.Lines(rollup) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "Pss:" {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("no Pss in %q", rollup)
}
