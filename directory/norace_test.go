//go:build !race

package directory

// raceDetector says that everything takes many times as long.
const raceDetector = false
