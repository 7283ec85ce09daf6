// Nothing: this target brings CTorch to the linker. Package.swift says why.
