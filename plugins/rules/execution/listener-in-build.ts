import { defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/

export default defineRule({
  name: 'listener-in-build',
  title: 'A step of an image build waits for connections',
  means:
    'A build fetches and compiles and ends. What listens there was brought by what is built: a test, or somebody’s package ' +
    'that wants to be called.',
  next: [
    'See who is connected to it in sockets',
    'Look in process-tree for which step started it, and in files for what it wrote',
  ],
  tactic: 'execution',
  attack: ['T1195.002', 'T1612'],
  severity: 'low',
  confidence: 'low',
  reads: { containers: need(containers), sockets: need(sockets), processes: need(processes) },
  *find({ containers, sockets, processes }) {
    for (const build of containers.where('kind', 'build')) {
      for (const socket of build.id === null ? [] : sockets.where('container', build.id)) {
        const process = socket.pid === null ? undefined : processes.where('pid', socket.pid)[0]
        if (socket.state !== 'LISTEN' || process === undefined || LOOPBACK.test(socket.local_address ?? '127.'))
          continue
        yield {
          about: process,
          summary: `${quote(process.args)} listens at ${socket.local_address}:${socket.local_port}`,
          evidence: [socket, process],
        }
      }
    }
  },
})
