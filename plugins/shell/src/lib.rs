//! Provisioner and verifier that run the user's own scripts
