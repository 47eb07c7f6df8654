import { artifact, bytes, count, defineAnalyzer, flag, option, text } from 'salvor'
import { checkpointWriter, containerNames, findContainers, ownerOf } from 'salvor/containers'

export default defineAnalyzer({
  name: 'checkpoint',
  aliases: ['checkpoint-archive'],
  summary: 'A container in the layout of a checkpoint archive, for tools that show these',
  description:
    'A tar as podman, CRI-O and containerd write one: config.dump, spec.dump, network.status, rootfs-diff.tar of the upper ' +
    'layer as the page cache has it, deleted.files, stats-dump, and images of its processes, threads, open files and sockets in the ' +
    'form of CRIU. It is for reading: what nobody knows is zero, and nothing can be restored from it. Of each process there are ' +
    'its areas (mm-PID.img) and the pages of its arguments and environment (pages-N.img, by pagemap-PID.img), and with ' +
    '--process-memory all memory that no file has. partial.files names the files of which pages are missing, which are zeros.',
  torn: 'what was there throughout is in it as it was.',
  artifacts: 'the archive of each container',
  examples: [
    {
      command: 'salvor checkpoint memory.elf --of-container shop-web-1 -d out',
      what: 'one container, to be shown by checkpointctl',
    },
    {
      command: 'salvor checkpoint memory.elf --of-container shop-web-1 --process-memory -d out',
      what: 'the same with the memory of its processes',
    },
  ],
  asks: ['of_container'],
  key: ['container'],
  options: {
    of_container: option.text('Of this container, by its name or the beginning of its id, or of those of pod:NAME', {
      example: 'shop-web-1',
    }),
    process_memory: option.flag(
      'With all memory of its processes that no file has: heaps, stacks and what they changed of files',
    ),
  },
  columns: {
    container: text('Id of the container', { meaning: 'container' }),
    container_name: text('Name of that container', { meaning: 'container_name' }),
    pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod', detail: true }),
    processes: count('Processes that are in it'),
    files: count('Files and directories of its upper layer that are in it'),
    partial: count('Files of these of which pages are missing'),
    deleted: count('Names that the container has deleted of its image'),
    left_out: count('What of the upper layer has no place in it, or no bytes in memory'),
    declared: flag('Whether its spec.dump is what the runtime was given'),
    memory: bytes('Memory of processes that is in it'),
    file: artifact('The archive'),
  },
  async *run({ kernel, options, artifacts, warn }) {
    const wanted = options.of_container
    const rows = wanted === null ? [] : findContainers(kernel, wanted)
    if (rows.length === 0) warn({ code: 'absent', message: `no container is called ${wanted}` })
    const names = containerNames(kernel)
    const write = checkpointWriter(kernel, rows, options.process_memory)
    for (const row of rows) {
      const writer = artifacts.create(`checkpoint-${row.name ?? row.id}.tar`)
      const written = await write(row, writer)
      yield { ...ownerOf(row.id, names), ...written, file: writer.close() }
    }
  },
})
