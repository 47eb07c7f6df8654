import { address, defineAnalyzer, integer, isoTime, text, time } from 'salvor'
import { readAuditBacklog } from 'salvor/kernel'

/** What auditd calls types that are seen most (include/uapi/linux/audit.h, libaudit). */
const TYPES: ReadonlyMap<number, string> = new Map([
  [1100, 'USER_AUTH'],
  [1101, 'USER_ACCT'],
  [1103, 'CRED_ACQ'],
  [1104, 'CRED_DISP'],
  [1105, 'USER_START'],
  [1106, 'USER_END'],
  [1107, 'USER_AVC'],
  [1110, 'CRED_REFR'],
  [1112, 'USER_LOGIN'],
  [1123, 'USER_CMD'],
  [1130, 'SERVICE_START'],
  [1131, 'SERVICE_STOP'],
  [1300, 'SYSCALL'],
  [1302, 'PATH'],
  [1305, 'CONFIG_CHANGE'],
  [1306, 'SOCKADDR'],
  [1307, 'CWD'],
  [1309, 'EXECVE'],
  [1318, 'OBJ_PID'],
  [1320, 'EOE'],
  [1321, 'BPRM_FCAPS'],
  [1325, 'NETFILTER_CFG'],
  [1326, 'SECCOMP'],
  [1327, 'PROCTITLE'],
  [1330, 'KERN_MODULE'],
  [1334, 'BPF'],
  [1400, 'AVC'],
  [1700, 'ANOM_PROMISCUOUS'],
  [1701, 'ANOM_ABEND'],
  [2000, 'KERNEL'],
])
/** Whose record it is: in those of the kernel names are quoted or in hexadecimal, and programs' begin with it. */
const PID = /(?:^| )pid=(\d{1,7})(?!\d)/
const MILLISECOND = 1_000_000n

export default defineAnalyzer({
  name: 'audit-backlog',
  aliases: ['audit-queue', 'audit'],
  summary: 'Audit records that the kernel still holds because nobody has read them',
  description:
    "Of the kernel's own queues: records that wait for the audit daemon, that are to be sent to it again, and that are " +
    'held because there is no daemon. They are in no log file: a daemon that was stopped or drowned has not written them.',
  torn: 'a record that was in a queue throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor audit-backlog memory.elf', what: 'all records' },
    { command: 'salvor audit-backlog memory.elf --where type_name=EXECVE', what: 'commands that were run' },
  ],
  columns: {
    address: address('Address of the struct sk_buff', { detail: true }),
    queue: text('waiting, retry (sent in vain), or held (there is no daemon)'),
    time: time("When it happened, by the record's stamp; null if it has none"),
    serial: integer('Number of the event, which its records share'),
    type: integer('Type, a number', { detail: true }),
    type_name: text('The type as auditd names it: SYSCALL, EXECVE, AVC …; a number where it is seldom'),
    pid: integer('Process that it names as its own', { meaning: 'pid' }),
    text: text('What it says, behind the stamp'),
  },
  async *run({ kernel }) {
    yield readAuditBacklog(kernel).map(({ milliseconds, ...record }) => ({
      ...record,
      time: milliseconds === null ? null : isoTime(BigInt(milliseconds) * MILLISECOND),
      type_name: record.type === null ? null : (TYPES.get(record.type) ?? String(record.type)),
      pid: record.text === null ? null : pidOf(record.text),
    }))
  },
})

function pidOf(text: string): number | null {
  const [, pid] = PID.exec(text) ?? []
  return pid === undefined ? null : Number(pid)
}
