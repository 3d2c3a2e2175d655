/// The version of the command lines.
package let stagekeeperVersion = "0.1.0"
