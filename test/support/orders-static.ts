import * as grpc from '@grpc/grpc-js';
import jspb from 'google-protobuf';

/** A message class and a client as the plugins of grpc-tools write them: static code, google-protobuf, one definition a method. */
export class Order {
  id = '';
  body: Uint8Array = new Uint8Array();
  count = 0;
  pod = '';

  serializeBinary(): Uint8Array {
    const writer = new jspb.BinaryWriter();
    if (this.id !== '') writer.writeString(1, this.id);
    if (this.body.length > 0) writer.writeBytes(2, this.body);
    if (this.count !== 0) writer.writeInt32(3, this.count);
    if (this.pod !== '') writer.writeString(4, this.pod);
    return writer.getResultBuffer();
  }

  static deserializeBinary(bytes: Uint8Array): Order {
    const order = new Order();
    const reader = new jspb.BinaryReader(bytes);
    while (reader.nextField() && !reader.isEndGroup()) {
      switch (reader.getFieldNumber()) {
        case 1:
          order.id = reader.readString();
          break;
        case 2:
          order.body = reader.readBytes();
          break;
        case 3:
          order.count = reader.readInt32();
          break;
        case 4:
          order.pod = reader.readString();
          break;
        default:
          reader.skipField();
      }
    }
    return order;
  }
}

function serialize_Order(order: Order): Buffer {
  return Buffer.from(order.serializeBinary());
}

function deserialize_Order(bytes: Uint8Array): Order {
  return Order.deserializeBinary(new Uint8Array(bytes));
}

function method(
  name: string,
  requestStream: boolean,
  responseStream: boolean,
): grpc.MethodDefinition<Order, Order> {
  return {
    path: `/podwire.test.Orders/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize_Order,
    requestDeserialize: deserialize_Order,
    responseSerialize: serialize_Order,
    responseDeserialize: deserialize_Order,
  };
}

export const OrdersStaticClient = grpc.makeGenericClientConstructor(
  {
    get: method('Get', false, false),
    collect: method('Collect', true, false),
    list: method('List', false, true),
    chat: method('Chat', true, true),
  },
  'Orders',
);
