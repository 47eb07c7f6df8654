//! Whether types are those of the kernel that is in an image: by them, its first task has to be what that always is.

use crate::arch::AddressSpace;
use crate::kernel::symbols::Symbols;
use crate::kernel::types::Types;

/// `TASK_COMM_LEN`.
const COMM: usize = 16;
/// What the first task points to (init/init_task.c), and the symbol of it. `real_cred` and `signal` are not `const` in any
/// kernel, and no process but the first has these.
const LINKS: [(&str, &str); 6] = [
    ("nsproxy", "init_nsproxy"),
    ("fs", "init_fs"),
    ("files", "init_files"),
    ("signal", "init_signals"),
    ("real_cred", "init_cred"),
    ("group_leader", "init_task"),
];

/// Why types cannot be those of a kernel; none where nothing speaks against them. What the image does not hold says nothing.
pub fn contradiction(memory: &AddressSpace, symbols: &Symbols, types: &Types) -> Option<String> {
    let Some(task) = types.find_own("struct task_struct") else {
        return Some("they have no struct task_struct".to_owned());
    };
    let at = |name: &str| Some(types.member(task, name)?.bit_offset / 8);
    let init = symbols.address("init_task")?;
    let Some(comm) = at("comm") else { return Some("their struct task_struct has no comm".to_owned()) };
    let mut name = [0; COMM];
    if memory.read_exact(init.wrapping_add(comm), &mut name) && !is_swapper(&name) {
        return Some("by them the first task is not called swapper".to_owned());
    }
    for (member, symbol) in LINKS {
        let (Some(offset), Some(expected)) = (at(member), symbols.address(symbol)) else { continue };
        let found = memory.read_u64(init.wrapping_add(offset));
        if found.is_some_and(|found| found != expected) {
            return Some(format!("by them {member} of the first task does not lead to {symbol}"));
        }
    }
    let tasks = at("tasks")?;
    let head = init.wrapping_add(tasks);
    let back = |link: u64, offset: u64| memory.read_u64(memory.read_u64(link)?.wrapping_add(offset));
    // One of both sides may be torn.
    let sides = [back(head, 8), back(head.wrapping_add(8), 0)];
    let known = sides.iter().flatten().count();
    (known > 0 && !sides.contains(&Some(head))).then(|| "by them no list of tasks begins at the first".to_owned())
}

/// `swapper`, or `swapper/0` where there may be several processors.
pub fn is_swapper(comm: &[u8]) -> bool {
    comm.starts_with(b"swapper\0") || comm.starts_with(b"swapper/0\0")
}
