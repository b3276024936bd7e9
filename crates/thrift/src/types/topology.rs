//! Topology definition.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

thrift_union! {
    JavaObjectArg {
        1 IntArg "int_arg" i32;
        2 LongArg "long_arg" i64;
        3 StringArg "string_arg" String;
        4 BoolArg "bool_arg" bool;
        5 BinaryArg "binary_arg" Bytes;
        6 DoubleArg "double_arg" f64;
    }
}

thrift_struct! {
    Struct JavaObject {
        1 required full_class_name "full_class_name" String;
        2 required args_list "args_list" Vec<JavaObjectArg>;
    }
}
thrift_default! { JavaObject { full_class_name required, args_list required } }

thrift_struct! {
    Struct NullStruct {
    }
}
thrift_default! { NullStruct {  } }

thrift_struct! {
    Struct GlobalStreamId [Eq, PartialOrd, Ord, Hash] {
        1 required component_id "componentId" String;
        2 required stream_id "streamId" String;
    }
}
thrift_default! { GlobalStreamId { component_id required, stream_id required } }

thrift_union! {
    Grouping {
        1 Fields "fields" Vec<String>;
        2 Shuffle "shuffle" NullStruct;
        3 All "all" NullStruct;
        4 None "none" NullStruct;
        5 Direct "direct" NullStruct;
        6 CustomObject "custom_object" JavaObject;
        7 CustomSerialized "custom_serialized" Bytes;
        8 LocalOrShuffle "local_or_shuffle" NullStruct;
    }
}

thrift_struct! {
    Struct StreamInfo {
        1 required output_fields "output_fields" Vec<String>;
        2 required direct "direct" bool;
    }
}
thrift_default! { StreamInfo { output_fields required, direct required } }

thrift_struct! {
    Struct ShellComponent {
        /// Program (one string).
        1 default execution_command "execution_command" String;
        /// First argument.
        2 default script "script" String;
    }
}
thrift_default! { ShellComponent { execution_command default, script default } }

thrift_union! {
    ComponentObject {
        1 SerializedJava "serialized_java" Bytes;
        2 Shell "shell" ShellComponent;
        3 JavaObject "java_object" JavaObject;
    }
}

thrift_struct! {
    Struct ComponentCommon {
        /// STRUCT-KEYED map.
        1 required inputs "inputs" BTreeMap<GlobalStreamId, Grouping>;
        /// Key = stream id.
        2 required streams "streams" BTreeMap<String, StreamInfo>;
        /// Initial executor count.
        3 optional parallelism_hint "parallelism_hint" i32;
        /// JSON object of per-component config overrides.
        4 optional json_conf "json_conf" String;
    }
}
thrift_default! { ComponentCommon { inputs required, streams required, parallelism_hint optional, json_conf optional } }

thrift_struct! {
    Struct SpoutSpec {
        1 required spout_object "spout_object" ComponentObject;
        2 required common "common" ComponentCommon;
    }
}

thrift_struct! {
    Struct Bolt {
        1 required bolt_object "bolt_object" ComponentObject;
        2 required common "common" ComponentCommon;
    }
}

thrift_struct! {
    Struct StateSpoutSpec {
        1 required state_spout_object "state_spout_object" ComponentObject;
        2 required common "common" ComponentCommon;
    }
}

thrift_struct! {
    Struct SharedMemory {
        1 required name "name" String;
        2 optional on_heap "on_heap" f64;
        3 optional off_heap_worker "off_heap_worker" f64;
        4 optional off_heap_node "off_heap_node" f64;
    }
}
thrift_default! { SharedMemory { name required, on_heap optional, off_heap_worker optional, off_heap_node optional } }

thrift_struct! {
    Struct StormTopology {
        1 required spouts "spouts" BTreeMap<String, SpoutSpec>;
        2 required bolts "bolts" BTreeMap<String, Bolt>;
        /// Never used; send an empty map.
        3 required state_spouts "state_spouts" BTreeMap<String, StateSpoutSpec>;
        4 optional worker_hooks "worker_hooks" Vec<Bytes>;
        /// Blob keys of jars.
        5 optional dependency_jars "dependency_jars" Vec<String>;
        /// Blob keys of maven artifacts.
        6 optional dependency_artifacts "dependency_artifacts" Vec<String>;
        7 optional storm_version "storm_version" String;
        8 optional jdk_version "jdk_version" String;
        /// Component id -> set of shared memory names.
        9 optional component_to_shared_memory "component_to_shared_memory" BTreeMap<String, BTreeSet<String>>;
        /// Name -> description.
        10 optional shared_memory "shared_memory" BTreeMap<String, SharedMemory>;
    }
}
thrift_default! { StormTopology { spouts required, bolts required, state_spouts required, worker_hooks optional, dependency_jars optional, dependency_artifacts optional, storm_version optional, jdk_version optional, component_to_shared_memory optional, shared_memory optional } }
