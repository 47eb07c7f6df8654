import { defineAnalyzer, integer, need, option, record, text, time } from 'salvor'
import { joinEvidence } from 'salvor/containers'
import connections from '../network/connections-tracked.js'
import interfaces from '../network/interfaces.js'
import sockets from '../network/sockets.js'
import memoryPrograms from '../processes/memory-programs.js'
import processes from '../processes/processes.js'
import containers from './containers.js'
import pods from './pods.js'
import secrets from './secrets.js'

export default defineAnalyzer({
  name: 'evidence',
  aliases: ['joins'],
  summary: 'What files that responders already hold say of this host, joined with what memory says',
  description:
    'Told apart by content: docker inspect, docker ps, crictl inspect, ps and pods, kubectl get -o json or yaml, the Kubernetes ' +
    'audit log, also as CloudWatch wraps it, CloudTrail, VPC flow logs, findings of GuardDuty, a container checkpoint ' +
    'archive, and what may be talked to: lines of a network and a port (`10.0.0.0/8 443/tcp`), or a NetworkPolicy. ' +
    'Packed by gzip or not; logs are read however long they are. Each file has a row that says what it was taken for. Any ' +
    'other is what both know, what only a file says of this host, or what memory has and a file lacks that should list it; ' +
    '`said` in its detail is all that the file says of it. Files are as true as who wrote them.',
  torn:
    'what both know was there. What only memory or only a file has may have come or gone between the two: a list was ' +
    'made at another moment than the image.',
  examples: [
    {
      command: 'salvor evidence memory.elf --evidence pods.json --evidence audit.log',
      what: 'pods and execs that the API server knows, beside those in memory',
    },
    {
      command: 'salvor evidence memory.elf --evidence inspect.json --where "state=memory only"',
      what: 'containers that the engine did not show',
    },
  ],
  columns: {
    source: text('What the file is', { nullable: false }),
    file: text('The file, as it was given', { nullable: false, detail: true }),
    kind: text('file, container, pod, exec, connection, key-use or finding', { nullable: false }),
    time: time('When, as the file says; of what only memory has, as memory says'),
    subject: text('Name of the container or pod, user, key, connection, or type of the finding'),
    pid: integer('Process in memory', { meaning: 'pid' }),
    comm: text('Name of that process'),
    container: text('Id of its container', { meaning: 'container' }),
    container_name: text('Name of that container', { meaning: 'container_name' }),
    pod: text('Kubernetes pod, as namespace/name', { meaning: 'pod' }),
    state: text('both, evidence only or memory only', { nullable: false }),
    detail: record('What else the file says, and memory'),
  },
  options: { evidence: option.files('A file to join with memory') },
  asks: ['evidence'],
  needs: {
    containers: need(containers),
    pods: need(pods),
    processes: need(processes),
    programs: need(memoryPrograms),
    secrets: need(secrets),
    sockets: need(sockets),
    connections: need(connections),
    interfaces: need(interfaces),
  },
  async *run({ options: { evidence }, tables, warn }) {
    const memory = {
      containers: [...tables.containers.rows()],
      pods: [...tables.pods.rows()],
      processes: [...tables.processes.rows()],
      programs: [...tables.programs.rows()],
      keys: [...tables.secrets.rows()],
      sockets: [...tables.sockets.rows()],
      tracked: [...tables.connections.rows()],
      interfaces: [...tables.interfaces.rows()],
    }
    yield* joinEvidence(evidence, memory, warn)
  },
})
