import { artifact, bytes, defineAnalyzer, pathFits as fits, flag, integer, list, option, text, time } from 'salvor'
import { containerColumns, type FileRow, fileRows, findContainers, listedTasks, mergedFiles } from 'salvor/containers'
import { type FileContents, heldInodes, type Kernel } from 'salvor/kernel'

/** Stretches of one file that are told; all their bytes are counted. */
const MOST_RANGES = 4096

interface Asked {
  readonly path: readonly string[]
  readonly of_container: string | null
  readonly of_process: number | null
  readonly deleted: boolean
  readonly merged: boolean
}

export default defineAnalyzer({
  name: 'extract',
  aliases: ['recover-files', 'inode-pages', 'recoverfs'],
  summary: 'Files written out of the page cache: by path, pattern, container or process',
  description:
    'What memory holds of each file, from page caches, tmpfs and the layers of overlays. A file of which pages are missing ' +
    'has holes there, and its row says which; sha256 is of files that are whole. With --merged a container is written as ' +
    'one folder, as its own processes see it: the layers put together, without what is deleted or hidden by a directory ' +
    'that was made anew, and what is mounted in it.',
  torn: 'bytes that were in memory throughout are right; a page that was replaced meanwhile may be of another moment.',
  artifacts: 'each file, with holes where its pages are missing',
  examples: [
    { command: 'salvor extract memory.elf --path "/etc/cron*/**" -d out', what: 'all cron files that are in memory' },
    { command: 'salvor extract memory.elf --of-container shop-web-1 --merged -d out', what: 'a container as a folder' },
    { command: 'salvor extract memory.elf --of-process 1499 -d out', what: 'what a process runs, maps and has open' },
  ],
  key: ['device', 'inode', 'path'],
  options: {
    path: option.list('Only files at this path, or of this pattern: * and ? within a name, ** over folders', {
      example: '/etc/**',
    }),
    of_container: option.text(
      'Only files on the overlay or volumes of this container, by name or the beginning of its id; or of pod:NAME',
      {
        example: 'shop-web-1',
      },
    ),
    of_process: option.count('Only files that this process runs, maps or has open'),
    deleted: option.flag('Only files whose names are gone'),
    merged: option.flag('The container of --of-container as one folder, as its processes see it'),
  },
  columns: {
    ...containerColumns,
    container: text('Id of the container on whose overlay or volume it is', { meaning: 'container' }),
    path: text('Path, as in `files`; with --merged the one inside the container', { meaning: 'path' }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    modified: time('When its contents were last changed', { detail: true }),
    deleted: flag('Whether its name is gone'),
    size: bytes('Size of the file'),
    present: bytes('Bytes of it that memory holds, holes that it has itself among them'),
    whole: flag('Whether that is all of it'),
    missing: list('What is missing, each as offset+length and why; the first 4096 stretches', { detail: true }),
    sha256: text('Hash of a file that is whole', { detail: true }),
    file: artifact('What was written; null where memory holds nothing of it'),
  },
  async *run({ kernel, options, artifacts, warn }) {
    for (const row of chosen(kernel, options, (message) => warn({ code: 'absent', message }))) {
      const contents = kernel.fileContents(row.contents)
      if (contents === null) continue
      const { ranges, missing } = lacking(kernel, contents)
      const present = contents.size - missing
      const folders = [row.container_name ?? row.container ?? 'host', ...(row.path ?? '').split('/')]
      const writer = present > 0 || contents.size === 0 ? artifacts.create(folders.filter((name) => name !== '')) : null
      if (writer !== null) {
        await contents.copyTo({ write: (piece, offset) => writer.writeAt(offset, piece) })
        writer.writeAt(contents.size, new Uint8Array())
      }
      const file = writer?.close() ?? null
      const { container, container_name, pod, path, inode, device, modified, deleted } = row
      yield {
        ...{ container, container_name, pod, path, inode, device, modified, deleted },
        size: contents.size,
        present,
        whole: missing === 0,
        missing: ranges,
        sha256: missing === 0 ? (file?.sha256 ?? null) : null,
        file,
      }
    }
  },
})

/** Files that are asked for; one of an overlay and its layer's are the same contents, and told once. */
function chosen(kernel: Kernel, asked: Asked, complain: (message: string) => void): FileRow[] {
  const { path, of_container, of_process, deleted, merged } = asked
  const containers = of_container === null ? [] : findContainers(kernel, of_container).map(({ id }) => id)
  if (of_container !== null && containers.length === 0) complain(`no container is called ${of_container}`)
  if (merged && of_container === null) complain('--merged needs a container: name it by --of-container')
  if ((of_container !== null || merged) && containers.length === 0) return []
  const held = heldBy(kernel, of_process)
  const tests: ((file: FileRow) => boolean)[] = [
    (file) => file.type === 'file' && (file.deleted || !deleted),
    (file) => of_process === null || held.has(file.address),
    (file) => containers.length === 0 || merged || containers.includes(file.container ?? ''),
    (file) => path.length === 0 || path.some((pattern) => fits(pattern, file.path ?? '')),
  ]
  // Of no container it is nothing, and what it asks of a kernel is asked all the same.
  const inside = (merged ? containers : [null]).flatMap((container) => mergedFiles(kernel, container))
  const files = merged ? inside : [...fileRows(kernel)].flat()
  const wanted = files.filter((file) => tests.every((test) => test(file)))
  // A merged folder may show one file at several paths.
  return merged ? wanted : once(wanted)
}

/** One row for each contents: that of the overlay rather than its layer's. */
function once(files: readonly FileRow[]): FileRow[] {
  const byContents = new Map<bigint, FileRow>()
  for (const file of files) {
    const other = byContents.get(file.contents)
    if (other === undefined || other.address === other.contents) byContents.set(file.contents, file)
  }
  return [...byContents.values()]
}

function heldBy(kernel: Kernel, wanted: number | null): Set<bigint> {
  const tasks = listedTasks(kernel).filter(({ pid }) => pid === wanted)
  return heldInodes(
    kernel,
    tasks.map(({ address }) => address),
  )
}

function lacking(kernel: Kernel, contents: FileContents): { ranges: string[]; missing: number } {
  const ranges: string[] = []
  let [missing, stretches] = [0, 0]
  for (const { offset, length, state } of contents.runs()) {
    if (state === 'present' || state === 'hole') continue
    missing += length
    stretches++
    if (stretches <= MOST_RANGES) ranges.push(`${offset}+${length} ${state}`)
  }
  kernel.capped('stretches of a file that are missing', stretches, MOST_RANGES)
  return { ranges, missing }
}
