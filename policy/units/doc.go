// Package units reads and writes durations, sizes and percentages as the policy file has them: 1m30s, 64KiB, 10%. What an
// operator types elsewhere is read here, too, and what is printed for one to paste is written here.
//
// Numbers are whole, and each has its unit. The error of a parser says what would be right and quotes what was wrong, in
// bounded length.
package units
