//! Which processors this process runs on.

use std::collections::HashSet;
use std::io;

use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// Where the kernel tells a process's threads (proc_pid_task(5)).
const THREADS: &str = "/proc/self/task";

/// Keeps every thread of this process, and whatever they start from now on, to some of the processors that it may use.
///
/// A processor of a number that a set has no room for (1,024 and more) is an error, and so is what the system refuses.
pub fn keep_to(processors: &[u32]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &processor in processors {
        let number = processor as usize;
        if number >= CpuSet::MAX_CPU {
            return Err(io::Error::other(format!("processor {number} has too high a number")));
        }
        set.set(number);
    }
    let mut kept = HashSet::new();
    // One that a thread starts meanwhile may have been started before that thread was kept.
    loop {
        let before = kept.len();
        for thread in std::fs::read_dir(THREADS)? {
            let name = thread?.file_name();
            let Some(id) = name.to_str().and_then(|text| text.parse().ok()).and_then(Pid::from_raw) else { continue };
            if !kept.insert(id) {
                continue;
            }
            match sched_setaffinity(Some(id), &set) {
                // It has ended.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if kept.len() == before {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::thread::sched_getaffinity;

    use super::*;

    #[test]
    fn threads_that_were_there_and_new_ones_are_kept() {
        let allowed = sched_getaffinity(None).unwrap();
        let one = (0..CpuSet::MAX_CPU).rev().find(|&number| allowed.is_set(number)).unwrap();
        let (told, hear) = std::sync::mpsc::channel();
        let there = std::thread::spawn(move || {
            hear.recv().unwrap();
            sched_getaffinity(None).unwrap()
        });
        keep_to(&[one as u32]).unwrap();
        told.send(()).unwrap();
        let new = std::thread::spawn(|| sched_getaffinity(None).unwrap());
        let mut expected = CpuSet::new();
        expected.set(one);
        for set in [there.join().unwrap(), new.join().unwrap()] {
            assert_eq!(set, expected);
        }
        let all: Vec<u32> =
            (0..CpuSet::MAX_CPU).filter(|&number| allowed.is_set(number)).map(|number| number as u32).collect();
        keep_to(&all).unwrap();
        assert_eq!(sched_getaffinity(None).unwrap(), allowed);
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert!(keep_to(&[]).is_err());
        assert!(keep_to(&[u32::MAX]).is_err());
    }
}
