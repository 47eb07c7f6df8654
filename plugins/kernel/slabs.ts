import { address, bytes, count, defineAnalyzer, text } from 'salvor'
import { readSlabs } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'slabs',
  aliases: ['slabinfo', 'slab_info'],
  summary: "Caches of the kernel's objects: how many there are of each kind, and how much they take",
  description:
    'As /proc/slabinfo counts them. Objects that a processor keeps ready to give away count as in use, as they do there. ' +
    'Before 5.9 what memory cgroups were charged for is in caches of their own.',
  torn: 'a cache that was there throughout is one row; counts of a busy one may be of several moments.',
  examples: [{ command: 'salvor slabs memory.elf --sort objects', what: 'the most numerous kinds last' }],
  columns: {
    address: address('Address of the struct kmem_cache', { detail: true }),
    name: text('Name'),
    active: count('Objects in use'),
    objects: count('Objects that there is room for'),
    object_size: bytes('Size of one, with what surrounds it'),
    objects_per_slab: count('Objects in one slab', { detail: true }),
    pages_per_slab: count('Pages of one slab', { detail: true }),
    slabs: count('Slabs'),
    constructor_symbol: text('What makes a new object ready, if anything does', { detail: true }),
  },
  key: ['name'],
  async *run({ kernel }) {
    yield readSlabs(kernel)
  },
})
