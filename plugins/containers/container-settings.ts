import { bytes, count, defineAnalyzer, integer, list, need, record, text, time } from 'salvor'
import { containerColumns, containerNames, ownerOf, settingsRows } from 'salvor/containers'
import mounts from '../files/mounts.js'

export default defineAnalyzer({
  name: 'container-settings',
  aliases: ['docker-inspect', 'crictl-inspect', 'podman-inspect'],
  summary: 'What was declared of each container: command, ports, limits, labels, log, layers; and how it ended',
  description:
    'What engines keep of containers beside what the table of containers has, from their files, from what their runtime ' +
    'was given, and where the files have left memory from what the engine’s own memory still has of them. What the kernel ' +
    'makes of it is in `drift`, `published-ports` and `cgroup-limits`.',
  torn: 'a row is a container of the table of containers; what no source tells is null.',
  examples: [
    { command: 'salvor container-settings memory.elf', what: 'all containers' },
    { command: 'salvor container-settings memory.elf --container shop-web-1 --format json', what: 'one, whole' },
  ],
  columns: {
    ...containerColumns,
    container: text('Id of the container', { meaning: 'container' }),
    command: list('Command that it runs, with its arguments'),
    ports: list('Ports that it exposes, and where they are published: 0.0.0.0:8080->80/tcp'),
    restarts: count('How often it was started again, or made again, by its engine or the kubelet'),
    exit_code: integer('What it ended with; null while it runs'),
    memory_limit: bytes('Memory that it was allowed; null without a limit'),
    cpu_limit: count('Thousandths of a CPU that it was allowed; null without a limit'),
    pids_limit: count('Tasks that it was allowed; null without a limit'),
    compose_project: text('Project of Docker Compose that it belongs to'),
    compose_service: text('Service of that project'),
    image_id: text('Digest that the name of its image was resolved to', { detail: true }),
    created: time('When it was made', { detail: true }),
    finished: time('When it ended; null while it runs', { detail: true }),
    restart_policy: text('When its engine starts it again: no, always, on-failure …', { detail: true }),
    log_path: text('File that its output is written to', { meaning: 'path', detail: true }),
    ecs_task: text('Task of Amazon ECS that it belongs to', { detail: true }),
    layers: list('Directories that its root is made of, the upper one first, each on its own file system', {
      detail: true,
    }),
    labels: record('Labels', { detail: true }),
    sources: record('For each column, where its value came from', { detail: true }),
  },
  key: ['container'],
  needs: { mounts: need(mounts) },
  *run({ kernel, tables, warn }) {
    const names = containerNames(kernel)
    yield settingsRows(kernel, tables.mounts.rows(), warn).map(({ container, ...row }) => ({
      ...ownerOf(container, names),
      ...row,
    }))
  },
})
