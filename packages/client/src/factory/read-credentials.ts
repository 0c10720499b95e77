import type { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { InvalidInput, NOT_SHOWN } from '@podwire/core';
import type { TlsConfig } from '../options/channel-options.ts';

/** The parts of a grpc-js client's channel credentials. */
export interface GivenCredentials {
  /** TLS as the credentials set it up; undefined for plaintext. */
  readonly tls: Pick<TlsConfig, 'secureContext' | 'checkServerIdentity' | 'rejectUnauthorized'> | undefined;
  /** The call credentials composed into them, for every call of this client. */
  readonly callCredentials: CallCredentials | undefined;
}

/**
 * The fields of grpc-js's classes, which it does not export. They are looked at by their names, because the application may hold
 * another copy of grpc-js than podwire (https://github.com/grpc/grpc-node/blob/master/packages/grpc-js/src/channel-credentials.ts).
 */
interface Fields {
  _isSecure?(): boolean;
  /** On composed credentials. */
  readonly channelCredentials?: ChannelCredentials;
  readonly callCredentials?: CallCredentials;
  /** On credentials from `createSsl` and `createFromSecureContext`. */
  readonly secureContext?: TlsConfig['secureContext'];
  readonly verifyOptions?: Pick<TlsConfig, 'checkServerIdentity' | 'rejectUnauthorized'>;
}

/**
 * Takes grpc-js's channel credentials apart. Throws {@link InvalidInput} for values that are not credentials, and for kinds whose
 * certificates grpc-js does not let others read, such as those of a certificate provider.
 */
export function readCredentials(credentials: ChannelCredentials): GivenCredentials {
  const fields = credentials as unknown as Fields | null | undefined;
  if (typeof fields?._isSecure !== 'function')
    throw new InvalidInput(
      'credentials',
      NOT_SHOWN,
      'must be channel credentials of grpc-js, such as credentials.createInsecure()',
    );
  if (!fields._isSecure()) return { tls: undefined, callCredentials: undefined };
  const { channelCredentials, callCredentials, secureContext, verifyOptions } = fields;
  if (channelCredentials !== undefined && typeof callCredentials?.compose === 'function') {
    const inner = readCredentials(channelCredentials);
    return {
      tls: inner.tls,
      callCredentials: inner.callCredentials?.compose(callCredentials) ?? callCredentials,
    };
  }
  if (secureContext === undefined || verifyOptions === undefined)
    throw new InvalidInput(
      'credentials',
      NOT_SHOWN,
      `of the kind ${credentials.constructor.name} cannot be read: give the certificates in the option tls, whose files ` +
        'are read again when they change, and credentials.createInsecure() to the client',
    );
  const { checkServerIdentity, rejectUnauthorized } = verifyOptions;
  const tls = {
    secureContext,
    ...(checkServerIdentity && { checkServerIdentity }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
  return { tls, callCredentials: undefined };
}
