//! Is this body really from Apideck?
