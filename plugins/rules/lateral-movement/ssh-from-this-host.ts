import { defineRule, need, programName, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

const SERVER = /^sshd(?:-session)?$/

export default defineRule({
  name: 'ssh-from-this-host',
  title: 'Somebody is logged in by SSH, from this host or from a container on it',
  means:
    'The other end of the login is a program here: an intruder who stole a key tries it against the host that he is on, or ' +
    'comes out of a container so. A login from elsewhere is told for what it is worth.',
  next: [
    'See who runs the client: its row in sockets and process-tree',
    'Read what was typed in shell-history and terminals, and the keys of the session in ssh-sessions',
  ],
  tactic: 'lateral-movement',
  attack: ['T1021.004'],
  kubernetes: ['MS-TA9010'],
  severity: 'medium',
  confidence: 'high',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }) {
    for (const process of processes.rows) {
      if (process.pid === null || !SERVER.test(programName(process))) continue
      const session = sockets
        .where('pid', process.pid)
        .find(({ protocol, state }) => protocol === 'tcp' && state === 'ESTABLISHED')
      if (session === undefined) continue
      const here = session.remote_pid !== null || session.remote_container !== null
      const client = here ? `, ${quote(session.remote_comm)} of this host` : ''
      yield {
        about: process,
        severity: !here ? 'info' : process.container === null ? 'medium' : 'low',
        summary: `${quote(process.args)} serves ${session.remote_address}:${session.remote_port}${client}`,
        evidence: [session, process],
      }
    }
  },
})
