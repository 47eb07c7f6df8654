//! Keeps the process alive when mapped evidence cannot be read.
//!
//! Where a file was cut off or its disk fails, touching the map raises SIGBUS, which would end the process without a
//! word. The handler puts zeros in the place of the page, has [`Source`] remember that it is lost, and lets the access
//! go on. Zeros are no evidence: `Image::undisturbed` throws away what was made of them.

use std::mem;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use libc::{c_int, c_void, siginfo_t};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::source::Source;

/// Images that may be open at a time. A table of fixed size, because a signal handler cannot wait for a lock.
const MOST_MAPS: usize = 256;
/// A slot that is being filled. No map starts there.
const CLAIMED: usize = 1;

static WATCHED: [Slot; MOST_MAPS] = [const { Slot::new() }; MOST_MAPS];
/// What was to be done about SIGBUS before.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// One map: addresses `[start, end)`, or nothing where `start` is 0.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    source: AtomicPtr<Source>,
}

/// A map that is guarded as long as this lives; it must end before the map does.
pub struct Guard {
    slot: &'static Slot,
    /// Keeps what the slot points to.
    _source: Arc<Source>,
}

impl Slot {
    const fn new() -> Self {
        Self { start: AtomicUsize::new(0), end: AtomicUsize::new(0), source: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Replaces what cannot be read at an address; false when the address is not of this map, or nothing helps.
    #[allow(unsafe_code)]
    fn replace(&self, address: usize) -> bool {
        let start = self.start.load(Ordering::SeqCst);
        let end = self.end.load(Ordering::SeqCst);
        let source = self.source.load(Ordering::SeqCst);
        // Read again: a slot that changed hands meanwhile is not the one that the address belongs to.
        if start <= CLAIMED || !(start..end).contains(&address) || self.start.load(Ordering::SeqCst) != start {
            return false;
        }
        // SAFETY: the thread that raised the signal is reading from this map, so the `Evidence` that owns the map, the
        // guard and with it the source is borrowed right now and cannot go away.
        let Some(source) = (unsafe { source.as_ref() }) else { return false };
        let part = source.replace((address - start) as u64);
        let (at, length) = (start + part.start as usize, (part.end - part.start) as usize);
        // SAFETY: the range lies inside the map, whose memory nobody else may unmap while it is borrowed. It keeps its
        // protection; that its bytes become zeros is no more than a change of the file could do.
        unsafe { mmap_anonymous(at as *mut c_void, length, ProtFlags::READ, MapFlags::PRIVATE | MapFlags::FIXED) }
            .is_ok()
    }
}

impl Guard {
    /// Guards a map of `length` bytes at `start`; `None` when there are too many, or the handler cannot be set.
    pub fn new(start: *const u8, length: usize, source: &Arc<Source>) -> Option<Self> {
        install().then_some(())?;
        let free = |slot: &&Slot| slot.start.compare_exchange(0, CLAIMED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        let slot = WATCHED.iter().find(free)?;
        slot.source.store(Arc::as_ptr(source).cast_mut(), Ordering::SeqCst);
        slot.end.store(start as usize + length, Ordering::SeqCst);
        slot.start.store(start as usize, Ordering::SeqCst);
        Some(Self { slot, _source: Arc::clone(source) })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.slot.start.store(0, Ordering::SeqCst);
    }
}

/// Sets the handler, once for the process; false when that cannot be done.
fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(set_handler)
}

#[allow(unsafe_code)]
fn set_handler() -> bool {
    // SAFETY: a `sigaction` of zeros is a valid one, and all pointers are to such structs or null. The handler does
    // nothing that is not async-signal-safe.
    unsafe {
        let mut previous: libc::sigaction = mem::zeroed();
        if libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut previous) != 0 {
            return false;
        }
        // Known before the handler can run.
        PREVIOUS.get_or_init(|| previous);
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = on_bus_error as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) == 0
    }
}

/// The handler: for a fault in a guarded map, zeros; for all else, what would have happened without it.
#[allow(unsafe_code)]
extern "C" fn on_bus_error(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands over a valid `siginfo_t`; only one from the kernel itself (a positive code) has an address.
    let address = unsafe { info.as_ref().filter(|info| info.si_code > 0).map(|info| info.si_addr() as usize) };
    if address.is_some_and(|address| WATCHED.iter().any(|slot| slot.replace(address))) {
        return;
    }
    let previous = PREVIOUS.get().map_or((libc::SIG_DFL, 0), |action| (action.sa_sigaction, action.sa_flags));
    // SAFETY: what is called is what the process had installed, with the arguments that its flags ask for. `signal` and
    // `raise` are async-signal-safe; the raised signal is delivered once this handler has returned.
    unsafe {
        match previous {
            (libc::SIG_DFL | libc::SIG_IGN, _) => {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            (handler, flags) if flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = mem::transmute(handler);
                handler(signal, info, context);
            }
            (handler, _) => {
                let handler: extern "C" fn(c_int) = mem::transmute(handler);
                handler(signal);
            }
        }
    }
}
