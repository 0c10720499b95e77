import { X509Certificate } from 'node:crypto';
import { InvalidInput, NOT_SHOWN } from '@podwire/core';
import type { Channel } from '../channel/channel.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import { isGrpcOption, translateGrpcOptions } from '../options/grpc-options.ts';
import { includes } from '../options/same.ts';
import { parseOptions } from '../options/settings.ts';
import type { TlsSettings } from '../options/tls.ts';
import type { GivenCredentials } from './read-credentials.ts';

/** Options whose values hold keys and tokens. */
const SECRET = ['tls', 'callCredentials'];

/** Throws {@link InvalidInput} if a client's credentials ask for TLS that a channel with this TLS does not give. */
export function checkCredentials(
  given: GivenCredentials,
  tls: TlsSettings | undefined,
  target: string,
): void {
  if (given.tls === undefined) return;
  if (tls === undefined)
    throw new InvalidInput(
      'credentials',
      NOT_SHOWN,
      `are secure, and the channel to ${target} is plaintext: make it with the option tls, or give the client ` +
        'channelFactoryOverride: channelFactory(), which takes TLS from the credentials',
    );
  const { secureContext, checkServerIdentity, rejectUnauthorized } = given.tls;
  if (secureContext === tls.given.secureContext) return;
  refuse(hasOtherCertificate(secureContext, tls), 'a client certificate', 'tls.cert and tls.key');
  const otherCheck =
    checkServerIdentity !== undefined && checkServerIdentity !== tls.given.checkServerIdentity;
  refuse(otherCheck, 'a check of the server', 'tls.checkServerIdentity');
  const otherRule =
    rejectUnauthorized !== undefined && rejectUnauthorized !== (tls.given.rejectUnauthorized ?? true);
  refuse(otherRule, `rejectUnauthorized: ${rejectUnauthorized}`, 'tls.rejectUnauthorized');

  function refuse(is: boolean, what: string, option: string): void {
    if (!is) return;
    const rule = `bring ${what} that the channel to ${target} does not use: set its option ${option}`;
    throw new InvalidInput('credentials', NOT_SHOWN, rule);
  }
}

/** Compares only the contexts' own certificates: OpenSSL does not tell which authorities a context trusts. */
function hasOtherCertificate(
  context: NonNullable<GivenCredentials['tls']>['secureContext'],
  tls: TlsSettings,
): boolean {
  const { context: native } = context as { readonly context?: { getCertificate?(): Buffer | null } };
  const theirs = native?.getCertificate?.();
  if (theirs === null || theirs === undefined) return false;
  const { cert } = tls.options('');
  return cert === undefined || !new X509Certificate(cert).raw.equals(theirs);
}

/** Throws {@link InvalidInput} for wrong options. TLS may be missing: it can come from the channel, or from a client's credentials. */
export function checkPartOfOptions(options: ChannelOptions): void {
  parseOptions({ ...options, tls: options.tls ?? true });
}

/** Throws {@link InvalidInput} for options of a client that are wrong, or that differ from those of its channel. */
export function checkClientOptions(options: ChannelOptions, channel: Channel): void {
  checkPartOfOptions(options);
  for (const [key, value] of Object.entries(options)) {
    const { values } = translateGrpcOptions({ [key]: value }, 'options');
    if (includes(channel.options, values)) continue;
    const path = isGrpcOption(key) ? `options[${JSON.stringify(key)}]` : `options.${key}`;
    const rule = `cannot change the channel to ${channel.getTarget()}: set it where that channel is made`;
    throw new InvalidInput(path, SECRET.includes(key) ? NOT_SHOWN : value, rule);
  }
}
