import { defineRule, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import credentials from '../../processes/credentials.js'

/** Sockets of agents that hold keys, as ssh-agent, sshd for a forwarded agent, and gpg-agent name them. */
const AGENT =
  /^\/tmp\/ssh-[^/]{1,64}\/agent\.\d{1,10}$|\/S\.gpg-agent\.ssh$|\/(?:keyring|gcr)\/(?:\.?ssh)$|\/openssh_agent$/

export default defineRule({
  name: 'agent-used-by-another',
  title: 'A process uses the key agent of another user',
  means:
    'Who reaches the socket of an SSH agent logs in everywhere that its keys lead, without having them. Root can do so ' +
    'with the agent that an administrator forwarded.',
  next: [
    'See in sockets and connections-tracked where it went from here',
    'Tell the owner of the agent to replace the keys',
  ],
  tactic: 'credential-access',
  attack: ['T1563.001', 'T1552.004'],
  severity: 'high',
  confidence: 'medium',
  reads: { sockets: need(sockets), credentials: need(credentials) },
  *find({ sockets, credentials }) {
    for (const socket of sockets.where('family', 'unix')) {
      if (socket.remote_pid === null || !AGENT.test(socket.path ?? '')) continue
      const [agent, client] = [socket.pid, socket.remote_pid].map((pid) => credentials.where('pid', pid)[0])
      if (agent?.uid == null || client?.uid == null || agent.uid === client.uid) continue
      yield {
        about: client,
        summary: `${quote(client.comm)} of the user ${client.uid} uses ${quote(socket.path)} of the user ${agent.uid}`,
        evidence: [socket, agent, client],
      }
    }
  },
})
