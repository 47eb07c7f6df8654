import { address, bytes, defineAnalyzer, flag, list, option, record, text, time } from 'salvor'
import { memberColumns, secretRows } from 'salvor/containers'

export default defineAnalyzer({
  name: 'secrets',
  aliases: ['tokens', 'credentials-found'],
  summary: 'Tokens, keys and passwords in environments, arguments, memory and cached files, and whose they are',
  description:
    'Service-account tokens are decoded: for whom they were made, and until when. Keys of clouds, logins of registries, ' +
    'kubeconfigs, private keys and tokens of well-known forms are found wherever they stand; what has no form of its own ' +
    'by the name of its variable or flag, and because it lies in a volume of a Secret. Values are masked unless --reveal ' +
    'asks for them; `named` is what only its name says is a secret. The same secret has the same fingerprint ' +
    'everywhere. Memory that is writable and of no file is searched for tokens, private keys and ids of AWS’s keys; ' +
    'whoever checks tokens has those of others there by design. Nobody here can check a signature.',
  torn: 'a secret that was there throughout is found, where its own pages were not torn.',
  examples: [
    { command: 'salvor secrets memory.elf', what: 'all that is found, values masked' },
    { command: 'salvor secrets memory.elf --sort -foreign', what: 'first the tokens that are not where they belong' },
    { command: 'salvor secrets memory.elf --container shop-web-1 --reveal', what: 'those of one container, whole' },
  ],
  options: { reveal: option.flag('Show the values instead of masking them') },
  columns: {
    address: address('Address of the inode, or of the task_struct', { detail: true }),
    kind: text(
      'service-account-token, private-key, aws-secret-key, mounted-secret …; named where only its name says so',
    ),
    where: text('environment, arguments or memory of a process, declaration of a container’s environment, or file'),
    name: text('Name of the variable, flag or key; of a private key its type'),
    path: text('Path of the file, as in `files`', { meaning: 'path' }),
    ...memberColumns,
    pod: text('Kubernetes pod in which it was found, as namespace/name', { meaning: 'pod' }),
    owner_pod: text('Pod that a token is for, as namespace/name'),
    owner_pod_uid: text('Uid of that pod', { detail: true }),
    owner_account: text('Service account as namespace/name, user, or id of the key that it belongs to'),
    node: text('Node that a token is for', { detail: true }),
    audiences: list('Whom a token is meant for', { detail: true }),
    issued: time('When a token was made', { detail: true }),
    expires: time('When a token ends; null if never'),
    expired: flag('Whether it had ended when memory was taken', { detail: true }),
    foreign: flag('Whether a token is for another pod than that in which it was found'),
    length: bytes('Length of the secret', { detail: true }),
    fingerprint: text('Beginning of its SHA-256: the same for the same secret'),
    value: text('The secret itself: masked, or with --reveal as it stands', { detail: true }),
    claims: record('All that a token says of itself', { detail: true }),
  },
  async *run({ kernel, options: { reveal } }) {
    yield* secretRows(kernel, reveal)
  },
})
