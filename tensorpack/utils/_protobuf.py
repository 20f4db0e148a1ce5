"""Messages of other programs, told to the package protobuf by their facts: none of these programs' generated code is needed."""
from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Tuple

from .optional import optional_import

Fields = Mapping[str, Tuple[int, str]]


class Schema:
    """Messages of one kind of file, in a pool of their own: their names stay free for those who use the original code.

    Args:
        package: a name for the messages.
        needed_by: what needs the package protobuf, for the error if it is missing.
        messages: {message: {field: (number, type)}}. A type is one of protobuf's in lower case, a message or an enumeration; a
            star behind it marks a repeated field.
        enums: the values of enumerations, from 0 on.
    """

    def __init__(self, package: str, needed_by: str, messages: Mapping[str, Fields], enums: Mapping[str, Iterable[str]]):
        self._package = package
        self._messages = messages
        self._enums = enums
        self._classes: Dict[str, Any] = {}
        self._pool: Any = None
        self._descriptor_pb2, self._descriptor_pool, self._message_factory, self._message, self.text_format = [
            optional_import("google.protobuf." + module, needed_by=needed_by, pip="protobuf")
            for module in ("descriptor_pb2", "descriptor_pool", "message_factory", "message", "text_format")]

    def parse(self, name: str, content: bytes) -> Any:
        """The message in the content of a binary file.

        Raises:
            ValueError: it is damaged, or no such message.
        """
        message = self.new(name)
        try:
            num_read = message.ParseFromString(content)
        except self._message.DecodeError as e:
            raise ValueError("no complete message of protocol buffers: {}".format(e)) from e
        if num_read != len(content):  # protobuf 3 only warns of what it cannot read
            raise ValueError("no complete message of protocol buffers: only {} of {} bytes are one".format(
                num_read, len(content)))
        return message

    def new(self, name: str) -> Any:
        """An empty message."""
        if name not in self._classes:
            self._classes[name] = self._make_class(name)
        return self._classes[name]()

    def _make_class(self, name: str) -> Any:
        if self._pool is None:
            self._pool = self._make_pool()
        descriptor = self._pool.FindMessageTypeByName(self._package + "." + name)
        if hasattr(self._message_factory, "GetMessageClass"):
            return self._message_factory.GetMessageClass(descriptor)
        # protobuf 3, which TensorFlow 1.15 needs
        return self._message_factory.MessageFactory(self._pool).GetPrototype(descriptor)

    def _make_pool(self) -> Any:
        file = self._descriptor_pb2.FileDescriptorProto(
            name=self._package.replace(".", "/") + ".proto", package=self._package)
        for message, fields in self._messages.items():
            file.message_type.add(name=message, field=[self._field(name, *facts) for name, facts in fields.items()])
        for enum, values in self._enums.items():
            file.enum_type.add(name=enum, value=[
                self._descriptor_pb2.EnumValueDescriptorProto(name=value, number=k) for k, value in enumerate(values)])
        pool = self._descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(file.SerializeToString())
        return pool

    def _field(self, name: str, number: int, kind: str) -> Any:
        field = self._descriptor_pb2.FieldDescriptorProto(name=name, number=number)
        field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
        kind = kind.rstrip("*")
        if kind.islower():
            field.type = field.Type.Value("TYPE_" + kind.upper())
        else:  # a message or an enumeration; the pool knows which
            field.type_name = kind
        return field
