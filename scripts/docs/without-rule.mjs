// What an intrusion leaves that no rule tells, with the reason, and the tables that show it to who looks.
export const WITHOUT_RULE = [
  {
    sign: 'A filter of system calls, devices or paths that is weaker than what was declared',
    why: 'each difference is a row of its own there, and most are of the engine or the administrator',
    tables: ['drift'],
  },
  {
    sign: 'A script that is gone while its interpreter runs, and is no open file any more',
    why: 'names leave memory as well when nobody used them for a while: a missing one is no deleted one',
    tables: ['files', 'processes'],
  },
  {
    sign: 'A file whose cached pages differ from the disk though it was never written (Dirty Pipe)',
    why: 'memory does not hold the other copy: compare what extract writes with the disk or the image',
    tables: ['extract'],
  },
  {
    sign: 'Files deleted by the thousand',
    why: 'what has no inode any more is no row; renamed ones are told by encrypted-files',
    tables: ['files', 'timeline'],
  },
  {
    sign: 'Programs all changed at one second, to deceive who sorts by time',
    why: 'packages and images are stamped so by their builders',
    tables: ['files'],
  },
  {
    sign: 'A process that takes all processor time',
    why: 'no table has processor times; a miner is told by what it is told and called',
    tables: ['processes'],
  },
  {
    sign: 'Known malware by its bytes',
    why: 'which bytes is the analyst’s to say',
    tables: ['yara', 'search'],
  },
  {
    sign: 'Keys of encrypted disks and of sessions in memory',
    why: 'they are there on every honest host: that somebody read them leaves no trace in memory',
    tables: ['keyrings', 'disk-encryption', 'ssh-sessions'],
  },
  {
    sign: 'Names asked of a resolver that carry data',
    why: 'queries are not kept in memory; a connection to a resolver alone is no sign',
    tables: ['sockets', 'connections-tracked'],
  },
  {
    sign: 'Last events that a tracer or an agent saw and nobody read',
    why: 'what they mean depends on who set them up',
    tables: ['trace-buffers', 'bpf-map-entries'],
  },
  {
    sign: 'A hook of a graphics card’s toolkit that loaded a library of a container on the host',
    why: 'it runs for a moment while a container starts, and leaves nothing that is certain',
    tables: ['environment', 'libraries'],
  },
  {
    sign: 'A role or binding made for an intruder, and requests to the API server',
    why: 'they are in the API server’s audit log, which evidence joins with memory, and in no memory of a node',
    tables: ['evidence'],
  },
  {
    sign: 'An exec that ended and was typed into no shell with a history',
    why: 'nothing of it is left; an audit log joined by evidence has it',
    tables: ['evidence', 'exited-processes'],
  },
]
