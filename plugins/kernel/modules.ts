import { address, bytes, count, defineAnalyzer, list, text } from 'salvor'
import { readModules } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'modules',
  aliases: ['lsmod', 'check_modules', 'hidden_modules', 'modxview'],
  summary: 'Loaded kernel modules, and who knows each: the list, /sys, the address tree, memory itself',
  description:
    'As /proc/modules shows them. What takes a module off the list to hide it leaves it in /sys/module, in the tree by ' +
    'which an address finds its module, or at least in the memory of modules, which is searched for what can only be a ' +
    'module. Where the area that was made for a module is left and none of the first three know one in it, found_by has ' +
    'vmap; a row without a name is such an area with no struct module in it. A module that not all of them know may also ' +
    'be on its way in or out: its state says so.',
  torn: 'a module that was loaded throughout is one row; who knows it may be short where a list is torn, which a warning says.',
  examples: [
    { command: 'salvor modules memory.elf', what: 'what is loaded, newest first' },
    { command: 'salvor modules memory.elf --wide', what: 'with versions, arguments and parameters' },
  ],
  key: ['name'],
  columns: {
    address: address('Address of the struct module; of the struct vmap_area where there is none', { detail: true }),
    name: text('Name'),
    base: address('Start of its text'),
    size: bytes('Size of all its memory'),
    references: count('How often it is held: by modules, by what it serves'),
    state: text('live, loading, unloading, or unformed'),
    taints: text(
      "Letters of what it taints the kernel with: O from elsewhere than the kernel's tree, E unsigned, P proprietary",
    ),
    used_by: list('Modules that use it'),
    found_by: list('Who knows it: list, kset, tree, scan; vmap for one of which an area of the address space is left'),
    version: text('Version, as its author says', { detail: true }),
    source_version: text('Checksum of its source', { detail: true }),
    arguments: text('What it was loaded with', { detail: true }),
    parameters: list('Parameters as name=value; without a value where only the module itself can tell it', {
      detail: true,
    }),
  },
  async *run({ kernel }) {
    yield readModules(kernel)
  },
})
