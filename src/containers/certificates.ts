/** X.509 certificates in cached files: whose they are, and how long they count. */

import { X509Certificate } from 'node:crypto'
import { isoFromNanoseconds } from './time.js'

export interface Certificate {
  path: string
  subject: string
  issuer: string
  /** Names and addresses that it is for. */
  names: string | null
  begins: string | null
  expires: string | null
  expired: boolean | null
  authority: boolean
  /** Of all of it, as `openssl x509 -fingerprint -sha256` shows it, without colons. */
  sha256: string
}

const MOST = 64
const LONGEST = 64 * 1024
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END CERTIFICATE-----/g

/** Those of a PEM file, and of a kubeconfig that has them in base64. `now` is ISO 8601. */
export function certificatesIn(path: string, content: string, now: string | null): Certificate[] {
  const within = [...content.matchAll(/-data:\s*([A-Za-z0-9+/=]{64,65536})\s*$/gm)].slice(0, MOST)
  const plain = within.map(([, data = '']) => Buffer.from(data, 'base64').toString('latin1'))
  const blocks = [content, ...plain].flatMap((text) => [...text.slice(0, 1 << 20).matchAll(BLOCK)])
  return blocks.slice(0, MOST).flatMap(([block]) => readCertificate(path, block, now))
}

/** None where it is no certificate: whoever wrote it may have written anything. */
function readCertificate(path: string, block: string, now: string | null): Certificate[] {
  if (block.length > LONGEST) return []
  try {
    const found = new X509Certificate(block)
    const expires = isoOf(found.validTo)
    return [
      {
        path,
        subject: oneLine(found.subject),
        issuer: oneLine(found.issuer),
        names: found.subjectAltName?.slice(0, 4096) ?? null,
        begins: isoOf(found.validFrom),
        expires,
        expired: expires === null || now === null ? null : expires < now,
        authority: found.ca,
        sha256: found.fingerprint256.replaceAll(':', '').toLowerCase(),
      },
    ]
  } catch {
    return []
  }
}

/** Node has a line for each part of a name. */
function oneLine(name: string | undefined): string {
  return (name ?? '').slice(0, 4096).split('\n').join(', ')
}

function isoOf(text: string): string | null {
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds) ? null : isoFromNanoseconds(BigInt(milliseconds) * 1_000_000n)
}
